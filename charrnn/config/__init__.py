"""Every setting, declared once, and how it becomes an option of the command line."""
