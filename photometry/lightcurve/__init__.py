"""The light curve of one star: cut out of the fit of a tile, its time axis, its metrics, the noise expected.

Corrections of the light curves of a tile stand between fit and files here.
"""
