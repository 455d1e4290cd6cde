"""What comes from archives over the network: stars, cutouts, pixel files; asked for once and kept.

Only this package, `photometry.io.reference.prf_files` and astroquery speak to servers.
"""
