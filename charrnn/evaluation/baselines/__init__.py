"""What simple models and compressors reach on a text: the scale for a network's figure."""
