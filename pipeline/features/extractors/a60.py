"""a60: bottleneck features of a speech DNN trained on phones, Huang et al. 2017, section 3.1 and Fig. 3b.

Paper: 60 nodes in the last hidden layer. Weights: `pretrain@a60`, trained in this pipeline on phone alignments.
Output: (T, 60) float32 at the rate of mfcc39, without unit.
"""

from functools import partial

from pipeline.features.extractors._speech import SpeechExtractor, SpeechParams

INPUT = "mfcc39"
Params = SpeechParams
Extractor = partial(SpeechExtractor, "a60", 60)
