"""Baselines: n-grams and compressors on the same text, as a scale for the score of a network."""
