"""The figures that Ouyang et al. 2017 print, emotions by our names."""

from __future__ import annotations

EMOTIONS = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")
"""In the order of Tables 2, 3, 5 and 6."""

SHORT = dict(zip(EMOTIONS, ("An", "Di", "Fe", "Ha", "Ne", "Sa", "Su"), strict=True))
"""Our name -> that of Tables 3, 5 and 6."""
LONGER = dict(zip(EMOTIONS, ("Ang", "Dis", "Fea", "Hap", "Neu", "Sad", "Sur"), strict=True))
"""Our name -> that of Table 2."""

TABLE_2 = (
    (40, 0, 4, 5, 6, 8, 2),
    (14, 1, 2, 5, 11, 7, 0),
    (5, 0, 18, 6, 6, 10, 1),
    (12, 1, 4, 20, 14, 12, 0),
    (5, 0, 1, 18, 34, 5, 0),
    (4, 2, 7, 11, 17, 20, 0),
    (4, 0, 5, 17, 13, 5, 2),
)
"""Clips; rows are the truth, in the order of `EMOTIONS`."""

TABLE_3 = {
    "ImageSet": (0, 0, 0, 0.5, 0.5, 0, 0),
    "Visual LSTM": (0.5, 0, 0, 1, 0.5, 1, 0.5),
    "Audio LSTM": (0.5, 0, 1, 0, 0, 0, 0),
}
"""Sub-system -> weight of each of `EMOTIONS`."""

TABLE_4 = {
    "VGG-LSTM": 47.4,
    "Resnet-LSTM": 46.7,
    "C3D": 35.2,
    "End to End Module": 53.1,
    "CNN+ImageSet Model": 50.1,
    "Whole Visual Module": 54.2,
}
"""Row -> accuracy in %."""

TABLE_5 = (
    (67.35, 0.00, 3.06, 11.22, 10.20, 6.12, 2.04),
    (15.00, 0.00, 0.00, 17.50, 25.00, 40.00, 2.50),
    (27.14, 0.00, 32.86, 4.29, 7.14, 21.43, 7.14),
    (4.17, 0.00, 0.00, 89.58, 1.39, 4.86, 0.00),
    (9.84, 0.00, 1.55, 14.00, 58.03, 16.06, 0.51),
    (15.00, 0.00, 3.75, 17.50, 8.75, 55.00, 0.00),
    (25.00, 0.00, 10.71, 14.29, 28.57, 21.43, 0.00),
)
TABLE_6 = (
    (77.11, 1.20, 4.82, 3.61, 4.82, 4.82, 3.61),
    (22.22, 2.78, 5.56, 25.00, 13.89, 27.78, 2.78),
    (24.24, 1.52, 42.42, 3.03, 13.64, 3.03, 12.12),
    (13.33, 0.00, 2.22, 74.07, 4.44, 5.93, 0.00),
    (14.94, 1.72, 0.57, 8.05, 53.45, 18.39, 2.87),
    (22.54, 0.00, 2.82, 19.72, 8.45, 42.25, 4.23),
    (25.00, 3.57, 17.86, 7.14, 17.86, 14.29, 14.29),
)
"""% of the row; rows are the truth, in the order of `EMOTIONS`."""

ACCURACY = {"2": "35.2", "5": "57.2", "6": "53.9"}
"""Table -> accuracy in %, as its caption or section 6.3 has it."""
DISAGREE = (
    "The paper's own figures do not all agree and are left as printed: the accuracy on the test set is 57.2 % in the "
    "abstract, in section 7 and above Table 5, and 57.29 % in section 1; Table 2 holds 384 clips, where section 6.1 "
    "counts 373 for validation; rows of Tables 5 and 6 add up to 99.99 to 100.01 %; Table 3 has an Audio LSTM, where "
    "sections 4 and 6.3 describe a feed-forward network."
)
