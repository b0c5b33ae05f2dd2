"""a1024: last hidden layer of a speech DNN trained on phones, Huang et al. 2017, section 3.1 and Fig. 3a.

Paper: six hidden layers of 1024 nodes. Weights: `pretrain@a1024`, trained in this pipeline on phone alignments.
Output: (T, 1024) float32 at the rate of mfcc39, without unit, 0 and above (behind the last ReLU).
"""

from functools import partial

from pipeline.features.extractors._speech import SpeechExtractor, SpeechParams

INPUT = "mfcc39"
Params = SpeechParams
Extractor = partial(SpeechExtractor, "a1024", 1024)
