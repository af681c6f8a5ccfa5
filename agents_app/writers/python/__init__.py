"""How exports are written as Python: literals and comments, layout, classes, and modules that Python can run."""
