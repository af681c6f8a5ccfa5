"""How things are written: names of people and teams, moments, and files for spreadsheets."""
