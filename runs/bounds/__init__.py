"""What keeps a call, a launch or a queued run back: budgets, the pace of provider keys, quotas, caps, runs at once."""
