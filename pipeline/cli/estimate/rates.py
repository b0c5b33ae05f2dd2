"""What `estimate` assumes: sizes of features and published files, seconds of work without a network."""

GB = 1e9
START_S = 3
"""What a stage takes before and after its work."""
WEIGHTS = {"alexnet_imagenet": 0.24, "c3d_sports1m": 0.32, "vgg_face": 0.58, "face_resnet_wen2016": 0.11}
"""Published files, about so many GB; the others are small."""
ROWS = {"lld147": (100, 147), "mfcc39": (100, 39), "logmel": (100, 64), "egemaps": (0, 88), "a60": (100, 60),
        "a1024": (100, 1024), "dlib128": (0, 128), "pool5": (0, 9216), "whisper": (50, 384), "resemblyzer": (1.3, 256),
        "compare16": (0, 6373), "hog": (0, 1280), "landmarks68": (0, 272), "efficientnet": (0, 1280),
        "faceres": (0, 1024), "mobilefacenet": (0, 192), "expression": (0, 7)}  # fmt: skip
"""Feature -> rows a second of audio (0: of video, or one a clip), columns."""
WHOLE_CLIP = ("egemaps", "compare16", "hog", "landmarks68")
"""Features with one row per clip."""
KEPT = 0.45
"""Size of lossless crops, of that of their pixels (0.39 and 0.43 on the demo)."""
SECONDS = {
    "prepare": 0.01, "track_faces": 0.07, "haar": 0.9, "crop_faces": 0.03, "align_faces": 0.35, "lld147": 0.05,
    "mfcc39": 0.02, "logmel": 0.02, "egemaps": 0.04, "dlib128": 4.4, "compare16": 0.3, "hog": 0.08, "landmarks68": 0.06,
    "other": 0.1, "report": 8,
}  # fmt: skip
"""Seconds of one core for a second of a clip (`align_faces`: for a clip, `report`: in all, `dlib128`: were every frame
taken). Measured in `make repro` on the demo (126 clips of 1.1 s) and on 143 clips of 2 s, 320 x 240, but for haar and
other; larger frames take longer to search.
"""
