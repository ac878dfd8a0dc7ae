"""How good a model is on a text: scores, baselines, dynamic evaluation, gradients, overlap."""
