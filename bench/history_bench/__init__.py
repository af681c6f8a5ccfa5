"""Parts of ``bench/history.py``."""
