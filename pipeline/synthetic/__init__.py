"""Generated demo and source corpora: for trying the pipeline, not for science."""
