"""The network in PyTorch: cells, architecture, recurrence, how it reads a text."""
