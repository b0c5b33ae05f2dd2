"""Worse copies of a corpus: noise, blur, dropped frames."""
