"""What members are told inside the application: each one's inbox of a team, and the mails that it is sent in."""
