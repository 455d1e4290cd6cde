"""Reading and writing files; nothing else in the package touches them."""
