"""The pixel response function: the grid that SPOC delivers, its value at any place, the built-in model.

Samples are pixel fractions: nothing here integrates over a pixel but the model.
"""
