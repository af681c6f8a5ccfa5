"""A team's first page: what its runs cost and took in a period, what changed, and what needs somebody now."""
