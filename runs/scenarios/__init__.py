"""What runs would have cost on other models, at other prices, or with prompt caching; kept under names."""
