"""Full-frame images: names, headers and pixels of single frames.

`photometry.ccd` makes the cube of a CCD of them.
"""
