"""What people do: one function for each thing that the command line and the page can both do."""
