"""What ``make up`` starts: an embedded PostgreSQL, the web and one worker on this machine."""
