"""Batches: one crew over many inputs. Launch, watch, pause, cancel, run failed rows again, take the results away."""
