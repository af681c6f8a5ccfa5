"""From what a source defines, in Python or YAML, to specs."""
