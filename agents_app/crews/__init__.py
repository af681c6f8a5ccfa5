"""Crews as a whole: the list, a new one, a version, copy and archive, and the API of crews."""
