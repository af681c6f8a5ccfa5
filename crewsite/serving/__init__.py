"""How requests come in: the web server's own bounds on connections, heads and bodies, and what every answer carries."""
