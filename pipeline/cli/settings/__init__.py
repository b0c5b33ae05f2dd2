"""What params.yaml may hold: its models, the page that explains them, and the profiles that are laid over it."""
