"""All runs of a filter as a file: CSV or JSON Lines, written batch by batch while it is sent."""
