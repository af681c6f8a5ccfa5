"""Somebody leaves a team, or is taken out of it: what they leave behind is said, and decided, before."""
