"""From ids to weights: batches, the network, optimizers, the loop, what a run does between updates."""
