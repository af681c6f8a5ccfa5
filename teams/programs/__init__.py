"""Programs: members of a team that are no persons, so that nobody's leaving stops them."""
