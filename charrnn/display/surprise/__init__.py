"""A text coloured by surprise, on a terminal or as an HTML page."""
