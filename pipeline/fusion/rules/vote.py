"""vote: majority vote; the rows are the share of votes that each class gets.

Zhang et al. 2017, section IV.C.2 and Table V; the rule is from Kittler et al. 1998. Two models that disagree tie: the
first, the visual one of a pair, decides then, and among more the class of the tie to which it gives most.
"""

import numpy as np

from pipeline.fusion.rules import NothingToSet, fixed, nothing_learned

Params, fit = NothingToSet, nothing_learned
fuse = fixed(lambda judged: np.bincount(judged.argmax(axis=1), minlength=judged.shape[1]))
