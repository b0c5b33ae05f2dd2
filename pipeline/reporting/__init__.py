"""Tables, the page of a system, the overview and the inspector."""
