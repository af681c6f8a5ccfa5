"""Versions of a crew: the page that lists them, what changed between two, one restored as draft, and their API."""
