"""Lists of runs: the page with the typed filter, and the short lists on other pages."""
