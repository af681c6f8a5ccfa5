"""What keeps passwords and other secrets from being guessed, and guessing from stalling everybody else."""
