"""What people see: the live display, progress, plots, text coloured by surprise; and where output goes."""
