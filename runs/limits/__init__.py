"""A team's limits: budgets, the launch quota, and what runs do at a budget."""
