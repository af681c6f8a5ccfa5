"""What the words of the typed filter of runs mean: how a text falls into words, their values, and the fields."""
