"""Whether a version may go on: the command, its rules, and its report."""
