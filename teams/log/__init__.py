"""The log of a team, as a page, as a file and by the API."""
