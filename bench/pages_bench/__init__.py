"""Parts of ``bench/pages.py``: a team with a history, people who click, people who watch, and what it costs."""
