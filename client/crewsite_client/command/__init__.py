"""The command line ``crewsite``: it knows the client beside it and nothing of the server's code."""
