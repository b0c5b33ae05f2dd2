"""One package per kind of feature: its plugins, the job for one clip, and the run over all clips."""
