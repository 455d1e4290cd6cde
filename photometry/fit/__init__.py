"""The joint fit of all stars of a tile in all cadences: fluxes, errors, flags, aperture fluxes.

Enter by `photometry.fit.tile_photometry.fit_tile`.
"""
