"""`python -m pipeline`: commands, the doctor, the inspector. No result depends on it."""
