#!/usr/bin/env python
import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    # The time limit on statements is for pages: what somebody started by hand may take as long as it takes.
    os.environ.setdefault("PGOPTIONS", "-c statement_timeout=0")
    execute_from_command_line(sys.argv)
