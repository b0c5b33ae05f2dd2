"""`python -m pipeline inspect`: look into any file that the stages made, as text and as pictures.

`artifact` recognises a file by its content and hands it on. Nothing here computes a result, no stage depends on it, and
nothing that it opens can run code.
"""
