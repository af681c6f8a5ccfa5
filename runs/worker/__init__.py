"""What a worker process does: take runs whose turn it is, keep their leases, carry them out, rescue lost ones."""
