"""gunicorn in the embedded run, behind the front: `--config python:config.serving`."""

import os
from pathlib import Path
from typing import Any

from config.nginx import WEB

loglevel = "warning"
control_socket_disable = True
# Loaded before it answers, and a killed worker is back at once.
preload_app = True
workers = 2
threads = 4
graceful_timeout = 10


def when_ready(server: Any) -> None:
    """Open the way for what is only read; until now the front has answered that with its page."""
    acts = Path(server.LISTENERS[0].getsockname())
    fresh = acts.with_name("fresh")
    fresh.unlink(missing_ok=True)
    os.link(acts, fresh)
    fresh.rename(acts.with_name(WEB))
