"""Pixel files: TESScut cutouts and SPOC target pixel files become cubes.

Headers can be inspected without the pixels, for the plan of a run.
"""
