"""The linear systems of the fit: normal equations of a node, conjugate gradients for all its cadences, errors.

Others see `photometry.solver.node_solver.NodeSolver` and nothing of its matrices.
"""
