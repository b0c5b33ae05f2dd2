"""Face detectors, one file each: `Params`, and `Detector(params)(rgb) -> list[Detection]`."""
