"""Faces: detectors (plugins), the tracker that follows one face through a clip, and its crops."""
