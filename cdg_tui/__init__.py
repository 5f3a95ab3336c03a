"""The console: a client of the manage API on a terminal."""
