"""Reports by themselves: what a team spent in the week or month that has just ended, by mail and webhook to those who
want it. Sweepers make them, the outbox sends them."""
