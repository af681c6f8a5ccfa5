"""What a team designs: crews, their versions, templates and documents."""
