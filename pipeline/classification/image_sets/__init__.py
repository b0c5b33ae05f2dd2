"""A clip as a set of frame features, and kernels between such sets, as in the model that Ouyang et al. 2017 fuse with
theirs: Liu, Wang, Li, Shan, Huang, Chen 2014, "Combining multiple kernel methods on Riemannian manifold for emotion
recognition in the wild".
"""
