"""Commands of manage.py: start a worker, prepare a database, load prices, check the books."""
