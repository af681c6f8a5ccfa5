"""What the database says of a comparison's sides."""
