"""What a person, or the team, keeps under a name: saved views and scenarios. Whose it is, and who may change it."""
