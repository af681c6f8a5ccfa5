"""How long a team keeps the texts of its runs."""
