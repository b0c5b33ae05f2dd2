"""Features of audio or video segments, by a network as it is or fine-tuned per fold (Zhang et al. 2017, III)."""
