"""The figures that Huang et al. 2017 print, accuracies from 0 to 1."""

from __future__ import annotations

TABLE_2 = {"lld147": 0.31, "a60": 0.40, "a1024": 0.36, "v1024": 0.45, "v2048": 0.46}
"""Feature -> accuracy of the LSTM in Table 2."""

TABLE_3 = {
    ("a60", "v1024"): (0.48, 0.49),
    ("a60", "v2048"): (0.49, 0.49),
    ("a1024", "v1024"): (0.47, 0.47),
    ("a1024", "v2048"): (0.47, 0.48),
}
"""(audio, video) -> (logistic regression, ensemble) in Table 3."""

TABLE_4 = {
    ("a60", "v1024"): {"audio": 0.51, "video": 0.47, "audio+video": 0.51},
    ("a60", "v2048"): {"audio": 0.51, "video": 0.46, "audio+video": 0.49},
    ("a1024", "v1024"): {"audio": 0.47, "video": 0.48, "audio+video": 0.48},
    ("a1024", "v2048"): {"audio": 0.49, "video": 0.45, "audio+video": 0.46},
}
"""(audio, video) -> with whom the regression's result is fused -> accuracy in Table 4."""

TABLE_5 = {
    ("a60", "v1024"): {"audio": (0.52, 0.086), "video": (0.48, 0.032)},
    ("a60", "v2048"): {"audio": (0.51, 0.095), "video": (0.49, 0.032)},
    ("a1024", "v1024"): {"audio": (0.48, 0.113), "video": (0.48, 0.023)},
    ("a1024", "v2048"): {"audio": (0.51, 0.111), "video": (0.47, 0.011)},
}
"""(audio, video) -> with whom the regression's result is fused -> (accuracy, d) in Table 5."""

FIGURE_6 = {"anger": 54.90, "happy": 67.00, "sad": 51.69}
"""Emotion -> share of right decisions in %, from the abstract; Fig. 6 itself is an image."""
