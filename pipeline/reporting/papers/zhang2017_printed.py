"""The figures that Zhang et al. 2017 print, in %, emotions by our names."""

from __future__ import annotations

from collections.abc import Mapping

DATA_SETS = {"rml": "RML", "enterface05": "eNTERFACE05", "baum1s": "BAUM-1s"}
"""Corpus adapter -> the paper's column."""

EMOTIONS = {"happy": "joy", "sad": "sadness"}
"""Our name -> the paper's, where they differ."""

Accuracies = Mapping[str, tuple[float | None, float | None, float | None]]
"""Row -> accuracy on each of `DATA_SETS`, None where the paper prints none."""

TABLE_I: Accuracies = {
    "AlexAudio": (59.46, 51.33, 36.10),
    "Anet": (66.17, 78.08, 42.26),
    "C3DVisual": (53.03, 48.97, 41.69),
    "Vnet": (68.09, 54.35, 50.11),
}
TABLE_II: Accuracies = {
    "Gao et al. [36]: prosody": (51.04, None, None),
    "Elmadany et al. [38]: prosody": (56.25, None, None),
    "Elmadany et al. [37]: PNCC": (58.33, None, None),
    "Zhang et al. [62]: LLD": (61.86, None, None),
    "Zhalehpour et al. [12]: MFCC, RASTA-PLP": (None, 72.95, 29.41),
    "Schuller et al. [35]: prosody, MFCC": (None, 72.40, None),
    "Mansoorizadeh et al. [5]: prosody": (None, 43.00, None),
    "Bejani et al. [14]: prosody, MFCC": (None, 54.99, None),
    "Anet": TABLE_I["Anet"],
}
TABLE_III: Accuracies = {
    "Elmadany et al. [37]: Gabor wavelet": (64.58, None, None),
    "Zhang et al. [62]: LBP": (56.90, None, None),
    "Zhalehpour et al. [12]: LPQ": (None, 42.16, 45.04),
    "Mansoorizadeh et al. [5]: facial points": (None, 37.00, None),
    "Bejani et al. [14]: QIM": (None, 39.27, None),
    "Vnet": TABLE_I["Vnet"],
}
TABLE_IV: Accuracies = {
    "64 × 15 × 3": (50.06, 52.33, 33.64),
    "64 × 64 × 3": (66.17, 78.08, 42.26),
}
TABLE_V: Accuracies = {
    "Majority vote": (63.58, 69.14, 45.35),
    "Max": (72.05, 80.31, 48.89),
    "Sum": (72.79, 80.85, 50.01),
    "Min": (72.91, 78.76, 50.08),
    "Average": (72.79, 80.85, 50.01),
    "Product": (74.60, 81.62, 51.73),
}
TABLE_VI: Accuracies = {
    "Feature-level": (74.04, 81.02, 51.72),
    "Product": (74.60, 81.62, 51.73),
    "Score-level": (73.92, 80.85, 51.58),
    "FC": (78.84, 83.55, 52.35),
    "DBN": (80.36, 85.97, 54.57),
}
TABLE_X: Accuracies = {
    "FC-1": (78.84, 83.55, 52.35),
    "FC-2": (77.92, 82.72, 51.50),
    "FC-3": (75.67, 81.25, 50.43),
    "DBN-1": (78.50, 84.16, 51.61),
    "DBN-2": (80.36, 85.97, 54.57),
    "DBN-3": (80.10, 85.02, 53.38),
}

POOLING: Accuracies = {"Average-pooling": TABLE_X["DBN-2"], "Max-pooling": (None, None, None)}
"""Section III.C compares both, and prints no figure of the maximum."""
TABLE_XI: Accuracies = {
    "Sarvestani et al. [13]": (72.03, 70.11, None),
    "Elmadany et al. [37]": (75.00, None, None),
    "Zhang et al. [62]": (74.32, None, None),
    "Mansoorizadeh et al. [5]": (None, 71.00, None),
    "Bejani et al. [14]": (None, 77.78, None),
    "Zhalehpour et al. [12]": (None, 77.02, 51.29),
    "Ours": TABLE_X["DBN-2"],
}

DBN_2 = dict(zip(DATA_SETS, TABLE_X["DBN-2"], strict=True))
"""Corpus adapter -> accuracy of the best fusion network, whose tables and figures by emotion follow."""

PER_EMOTION: Mapping[str, Mapping[str, tuple[float, float, float]]] = {
    "rml": {
        "anger": (85.33, 88.70, 86.98),
        "disgust": (89.71, 95.50, 92.51),
        "fear": (80.71, 71.33, 75.73),
        "happy": (65.53, 68.93, 67.19),
        "sad": (91.03, 83.33, 87.01),
        "surprise": (83.21, 87.07, 85.10),
    },
    "enterface05": {
        "anger": (89.78, 90.61, 90.20),
        "disgust": (91.36, 89.55, 90.45),
        "fear": (75.69, 79.50, 77.55),
        "happy": (92.55, 92.13, 92.34),
        "sad": (86.73, 83.93, 85.31),
        "surprise": (79.95, 79.72, 79.84),
    },
    "baum1s": {
        "anger": (27.06, 27.78, 27.41),
        "happy": (82.03, 65.11, 72.60),
        "sad": (52.49, 53.05, 52.77),
        "fear": (20.14, 25.00, 22.31),
        "disgust": (25.65, 26.15, 25.90),
        "surprise": (41.93, 64.71, 50.89),
    },
}
"""Corpus adapter -> emotion -> precision, recall, F-score: Tables VII, VIII and IX."""

CONFUSIONS: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "rml": {
        "anger": (88.70, 2.61, 0.00, 1.74, 0.00, 6.96),
        "disgust": (0.90, 95.50, 0.00, 0.90, 1.80, 0.90),
        "fear": (0.00, 4.20, 71.33, 20.98, 3.50, 0.00),
        "happy": (1.94, 0.97, 15.53, 68.93, 2.91, 9.71),
        "sad": (3.79, 3.03, 1.52, 8.33, 83.33, 0.00),
        "surprise": (8.62, 0.00, 0.00, 4.31, 0.00, 87.07),
    },
    "enterface05": {
        "anger": (90.61, 0.94, 4.23, 2.35, 0.47, 1.41),
        "disgust": (1.36, 89.55, 2.73, 1.82, 3.18, 1.36),
        "fear": (3.00, 2.00, 79.50, 0.50, 5.50, 9.50),
        "happy": (0.00, 3.24, 0.46, 92.13, 0.46, 3.70),
        "sad": (1.34, 0.45, 9.82, 0.45, 83.93, 4.02),
        "surprise": (4.61, 1.84, 8.29, 2.30, 3.23, 79.72),
    },
    "baum1s": {
        "anger": (27.78, 11.11, 36.11, 2.78, 8.33, 13.89),
        "happy": (7.23, 65.11, 5.96, 1.70, 16.17, 3.83),
        "sad": (10.98, 1.83, 53.05, 14.02, 12.20, 7.93),
        "fear": (0.00, 0.00, 25.00, 25.00, 25.00, 25.00),
        "disgust": (15.38, 20.00, 27.69, 7.69, 26.15, 3.08),
        "surprise": (5.88, 0.00, 5.88, 17.65, 5.88, 64.71),
    },
}
"""Corpus adapter -> truth -> share of each decision, in the same order: Figs. 6, 7 and 8."""
