"""A text as a model met it: each character with its surprise, painted on a terminal or laid out as a page."""
