"""Decoding of audio and video frames; the only package that touches PyAV."""
