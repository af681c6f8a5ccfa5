"""What people type in the editor: a form per agent, task and crew, and the fields that they share."""
