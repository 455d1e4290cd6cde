"""The full-frame images of a CCD as a series of cadences: which are usable, what is wrong with their pixels.

Headers and images come in as data; `photometry.ccd` reads them.
"""
