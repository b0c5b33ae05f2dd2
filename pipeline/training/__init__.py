"""One training loop, given its schedule and its stopping rule; checkpoints, material that is read once, models per
fold.
"""
