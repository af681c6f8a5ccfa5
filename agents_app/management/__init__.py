"""The command line's part about crews."""
