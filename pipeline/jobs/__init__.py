"""How one clip is computed, stage by stage; see `pipeline.engine.Job`."""
