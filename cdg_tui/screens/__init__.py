"""What the console shows: pages of rows, and the dialogs over them."""
