"""The record, the stores and the tools that every stage rests on; small and stable."""
