"""From weights to text: one symbol at a time in NumPy, filters, prompts, finished characters. No torch."""
