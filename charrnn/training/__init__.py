"""From batches to weights: the plan, the optimizers, the loop, and what a run does between updates."""
