"""Who of a team is told of what: what a comment is about, whom it names, and the entries of inboxes."""
