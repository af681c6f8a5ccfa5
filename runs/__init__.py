"""What happened and what it cost: launching crews, carrying out their runs, booking every call, showing all of it."""
