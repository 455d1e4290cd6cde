"""What the light curves of a region share: trends, learnt from its quiet stars, and light curves without them.

Arrays in, arrays out: nothing here knows of pixels or files.
"""
