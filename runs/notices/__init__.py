"""What people and programs are told outside of the pages: alerts by e-mail, and events by webhook."""
