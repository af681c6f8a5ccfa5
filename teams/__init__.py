"""Who may: people, teams, roles, and the keys, tokens and webhooks that a team has."""
