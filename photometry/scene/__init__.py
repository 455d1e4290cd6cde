"""Stars in pixels: the design matrices of a tile about the nodes of its motion, and its mean fluxes.

Everything is linear in the fluxes; `photometry.solver` solves it cadence by cadence.
"""
