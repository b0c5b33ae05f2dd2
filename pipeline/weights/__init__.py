"""Weights of networks: the registry of published ones (weights.lock), and the folders that stages read them from."""
