"""Crops of the tracked face, one kind per file in `kinds`."""
