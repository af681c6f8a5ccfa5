"""What a run's records say of its time and its money: where they went, what held tasks back, and what was in vain."""
