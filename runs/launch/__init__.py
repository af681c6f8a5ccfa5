"""Launching a crew: the order, what is wrong with it, and the run that it becomes."""
