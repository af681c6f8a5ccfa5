"""Parts of ``bench/throughput.py``: a provider's stand-in, the installation under test, and what is measured of it."""
