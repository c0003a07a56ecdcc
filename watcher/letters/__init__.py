"""Letters: the statement of a period as a page, a table and a few lines; by hand, or with a message."""
