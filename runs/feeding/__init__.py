"""How runs get into the queue: those that are launched, and rows of batches when their turn comes."""
