"""A clip as a set of frame features, and kernels between such sets.

    reduction              frames in fewer columns, learned on the training clips of a fold
    kernels                a set as a linear subspace, covariance matrix or Gaussian, points of Riemannian manifolds;
                           and these as rows whose inner products and distances are the manifolds' own
    partial_least_squares  the alternative to an SVM on a kernel

Liu, Wang, Li, Shan, Huang, Chen 2014, "Combining multiple kernel methods on Riemannian manifold for emotion recognition
in the wild" is the image-set model that Ouyang et al. 2017 fuse with their own models.
"""
