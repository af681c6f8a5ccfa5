#!/usr/bin/env python
"""Django's command line. `make up` needs none of it; see `make help` first."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crewsite.settings")
    execute_from_command_line(sys.argv)
