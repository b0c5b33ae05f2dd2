"""How per-clip work runs, never what it computes: clip cache, worker processes, Dask, journal, code digests."""
