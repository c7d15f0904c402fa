"""One file a change of the table, oldest first."""
