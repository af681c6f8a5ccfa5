"""Runs or groups of runs side by side, and why they differ: exact splits of cost and time."""
