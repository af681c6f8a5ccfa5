"""What a month will come to, as a range, and when its budgets end: of a team, its crews and its members."""
