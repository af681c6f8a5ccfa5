"""Telling a team's own programs of events: which addresses want which events, and sending to them."""
