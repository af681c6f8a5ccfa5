"""What keeps a call or a launch back: budgets, the pace of provider keys, launch quotas."""
