"""Parts of a run's page that are drawn in Python, because there are many of them: bars, and rows of calls."""
