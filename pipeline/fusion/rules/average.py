"""average: the class with the highest mean posterior; decides as `sum` does, as in the paper's Table V.

Zhang et al. 2017, section IV.C.2 and Table V; the rule is from Kittler et al. 1998.
"""

from pipeline.fusion.rules import NothingToSet, fixed, nothing_learned

Params, fit = NothingToSet, nothing_learned
fuse = fixed(lambda judged: judged.mean(axis=0))
