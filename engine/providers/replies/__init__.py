"""Providers' replies: bounded on the wire, put together, and read by one reading, whoever sent them and however."""
