"""What a batch gave: its rows as a table that is sorted by any column, as a spreadsheet, and how they are spread."""
