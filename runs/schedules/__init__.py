"""Schedules: launches of a crew, or of batches of a data set, at the times of a cron expression."""
