"""Parts of ``bench/engine.py``: a loopback server, crews in both APIs, and the child processes that run them."""
