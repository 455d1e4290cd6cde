"""The large-scale background: a plane for small stamps, a smoothed mesh in space and time for a CCD.

Starlight that must not be taken for background is here, too.
"""
