"""One training loop, given its schedule and its stopping rule; checkpoints, material read once, models per fold."""
