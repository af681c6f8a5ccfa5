"""Crews as a whole: the list, a new one, copy and archive, and the API of crews."""
