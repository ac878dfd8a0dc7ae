"""What a network is trained to do: a file for each task, and the batches it reads."""
