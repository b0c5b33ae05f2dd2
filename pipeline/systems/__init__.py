"""A system: which features, classifiers and fusion rules make one recogniser; its models and fusions by name."""
