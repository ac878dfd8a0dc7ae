"""The tasks that a network can be trained on, one file for each, and their batches."""
