"""A run folder and everything in it: checkpoints, metrics, diagnosis; and the signals that stop a run."""
