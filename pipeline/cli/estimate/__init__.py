"""`python -m pipeline estimate`: what a system on a corpus costs, and what it lacks, before anything runs."""
