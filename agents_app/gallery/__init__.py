"""Templates: shared versions to look at and to copy, and the built-in ones."""
