"""What a run leaves behind and what bounds it: the journal of its calls, its progress, and its own limits."""
