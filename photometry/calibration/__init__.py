"""What a region shares: its motion in time, the offset from the catalogue, the effective PRF.

Measured from all its stars; the fit of a tile takes it as known.
"""
