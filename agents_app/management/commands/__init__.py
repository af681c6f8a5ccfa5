"""One command of ``manage.py`` per file."""
