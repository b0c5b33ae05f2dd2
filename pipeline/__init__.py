"""Staged audio-visual emotion recognition: the library behind the DVC stages."""
