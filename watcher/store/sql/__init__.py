"""What both databases are asked and told in the same words."""
