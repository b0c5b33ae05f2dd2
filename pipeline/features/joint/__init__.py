"""Joint features of audio and video segments, by a fusion network per fold (Zhang et al. 2017, section III.B)."""
