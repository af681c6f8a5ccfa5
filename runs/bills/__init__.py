"""Bills: what a month cost, by whatever somebody asks, why it is not what the month before was, and its calls."""
