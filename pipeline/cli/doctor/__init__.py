"""`python -m pipeline doctor`: what the pipeline needs, whether it is here, and the remedy where it is not.

What needs more than Python itself is tried out in processes of their own (`probe`): a package that is missing, that
breaks while it is imported, or that kills its process costs a line, never the whole.
"""
