"""product: the class with the highest product of posteriors; the best rule of the paper.

Zhang et al. 2017, section IV.C.2 and Table V; the rule is from Kittler et al. 1998. As a sum of logarithms, so that the
product over dozens of models does not vanish; and a posterior counts as `LEAST` at least, since a table of six decimals
has 0 for what may be as large, and a single 0 would outweigh all other models.
"""

import numpy as np
from scipy.special import softmax

from pipeline.evaluation.calibration import LEAST
from pipeline.fusion.rules import DECIMALS, NothingToSet, fixed, nothing_learned

Params, fit = NothingToSet, nothing_learned
fuse = fixed(lambda judged: softmax(np.round(np.log(np.maximum(judged, LEAST)).sum(axis=0), DECIMALS)))
