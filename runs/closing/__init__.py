"""Closing a month: its bill becomes a frozen copy with a number and a hash, which nothing changes any more."""
