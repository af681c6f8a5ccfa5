"""What simulated models and tools say, and how long they take: pure functions of the words that they are asked with."""
