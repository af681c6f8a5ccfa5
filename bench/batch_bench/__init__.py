"""Parts of ``bench/batch.py``."""
