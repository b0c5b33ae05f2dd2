"""`python -m pipeline inspect`: look into any file that the stages made, as text and as pictures.

`artifact` recognises a file by its content and hands it on: `features` (HDF5), `tables` (CSV), `documents` (JSON),
`models` (networks and classifiers). `clip_picture`, `projection` and `difference` look closer at feature files. Nothing
here computes a result, no stage depends on it, and nothing that it opens can run code.
"""
