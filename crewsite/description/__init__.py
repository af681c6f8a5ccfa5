"""What the API's description says beyond what Ninja reads from the operations."""
