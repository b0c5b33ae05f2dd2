"""Face detectors, one file each: `Params`, and `Detector(params, weights)(pixels) -> list[Detection]`.

`weights` is the folder of a detector's networks, or None; one that needs none ignores it. A `Detector` has the
attribute `grey`, true where it takes (H, W) luma as well as (H, W, 3) RGB, which spares converting frames; and the
attributes `least_px` (the smallest face that it sees, see `pipeline.faces.small`), `eyes` (see
`pipeline.faces.boxes.FaceDetector`), `weights` (SHA-256 of its networks' file, or "") and `origin` (where they come
from, in words, or "").
"""
