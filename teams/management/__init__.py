"""The command line's part about people and teams."""
