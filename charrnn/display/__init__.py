"""What people see: the live display, progress, plots, text by surprise; and where results go."""
