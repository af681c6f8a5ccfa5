"""How a crew's tasks are drawn as a graph: pure geometry, without a database."""
