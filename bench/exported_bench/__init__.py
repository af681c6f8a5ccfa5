"""What ``bench/exported.py`` is made of."""
