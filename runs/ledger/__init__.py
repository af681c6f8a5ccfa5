"""The only writer of money: opens and settles calls, keeps all sums with them, and checks that the books are right."""
