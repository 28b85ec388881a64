#!/usr/bin/env python
import os
import sys

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # The time limit on statements is for pages: what somebody started by hand may take as long as it takes.
    os.environ.setdefault("PGOPTIONS", "-c statement_timeout=0")
    try:
        from config.commands import main
    except ModuleNotFoundError as missing:
        sys.exit(f"This Python has no {missing.name}: run .venv/bin/python manage.py …; `make run` makes .venv.")
    main(sys.argv)
