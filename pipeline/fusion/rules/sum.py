"""sum: the class with the highest sum of posteriors.

Zhang et al. 2017, section IV.C.2 and Table V; the rule is from Kittler et al. 1998.
"""

from pipeline.fusion.rules import NothingToSet, fixed, nothing_learned

Params, fit = NothingToSet, nothing_learned
fuse = fixed(lambda judged: judged.sum(axis=0))
