"""Statistics of results: is one model better than another, is it as sure as it should be, and for whom does it work."""
