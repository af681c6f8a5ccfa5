"""The log of a team: how entries are written."""
