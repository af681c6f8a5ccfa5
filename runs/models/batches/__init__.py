"""One crew over many inputs: batches, the data sets that they are kept in, and launches by schedule."""
