"""Agents that a team keeps for many crews: made, changed, withdrawn; ``in_crews`` has what crews do with them."""
