"""What models cost a team: the price in force for each model it uses, where that comes from, and prices of its own."""
