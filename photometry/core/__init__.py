"""What everything else builds on: constants, errors, geometry, cubes, stars, times, linear algebra.

Imports nothing of the other packages.
"""
