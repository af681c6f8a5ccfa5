"""Saved views of the list of runs: save, rename, replace and remove them."""
