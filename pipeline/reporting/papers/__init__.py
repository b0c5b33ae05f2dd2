"""The tables of the three papers, beside the figures printed in them."""
