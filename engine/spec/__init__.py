"""What a crew is: its specs, what makes them valid, and the order in which its tasks depend on each other."""
