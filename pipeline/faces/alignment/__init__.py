"""The most confident face of sixteen frames of a clip, its five landmarks at fixed places."""
