"""How providers' servers are reached: the base URLs that people give, and the list of models that tests a key."""
