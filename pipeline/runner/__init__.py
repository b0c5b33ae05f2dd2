"""What surrounds a stage: command line, console, log, capture of standard error. No result depends on it."""
