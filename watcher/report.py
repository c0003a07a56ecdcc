"""What the store knows, as people and scripts read it: the same facts for the terminal and for JSON."""
