"""Who is in a team, and one's own account."""
