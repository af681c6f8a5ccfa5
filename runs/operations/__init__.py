"""How the installation runs: queue, workers and what is stuck, for people and for Prometheus."""
