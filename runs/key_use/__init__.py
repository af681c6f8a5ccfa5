"""What each of a team's provider keys was used for: when last, and what was spent with it."""
