"""What a batch is expected to cost and take: what a run needs, what bounds the pace, and both together."""
