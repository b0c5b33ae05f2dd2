"""Features of the sixteen aligned faces of a clip (Ouyang et al. 2017, sections 3.2 and 6.2)."""
