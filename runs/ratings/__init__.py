"""What people and judge programs think of a run: one rating of each, and comments."""
