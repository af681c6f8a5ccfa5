"""Documents that a team's agents search: upload, reading, search."""
