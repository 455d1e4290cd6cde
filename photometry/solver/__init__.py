"""The linear systems of the fit: normal equations of a node, conjugate gradients for all its cadences, errors.

Nobody else reads its matrices.
"""
