"""What machines ask of a process: is it alive, is it ready, what are its figures."""
