"""One training loop, given its schedule and its stopping rule; checkpoints, datasets, models per fold."""
