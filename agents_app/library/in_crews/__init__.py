"""What a crew has from the library: added, linked, taken over, kept as its own, given back."""
