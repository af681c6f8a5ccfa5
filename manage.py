"""Django's command line. With no DATABASE_URL set it uses what ``make up`` keeps in DATA_DIR."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crewsite.settings")
    from crewsite.local.environment import use_local_environment

    use_local_environment()
    if sys.argv[1:2] == ["worker"]:
        os.environ.setdefault("CREWSITE_PROCESS", "worker")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    from crewsite.env import BadEnvironment

    try:
        execute_from_command_line(sys.argv)
    except BadEnvironment as reason:
        sys.exit(str(reason))
    except ImproperlyConfigured as reason:
        sys.exit(f"{reason} Start 'make up' first, if it is the local application that you mean.")


if __name__ == "__main__":
    main()
