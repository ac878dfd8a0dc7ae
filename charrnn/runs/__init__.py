"""A run folder and all that stands in it: checkpoints, metrics, what they tell; signals that end a run."""
