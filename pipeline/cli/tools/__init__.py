"""What the smaller commands do: contact sheets, `explain`, `check`, the clip cache, the registry of weights."""
