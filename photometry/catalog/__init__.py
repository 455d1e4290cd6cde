"""Catalogue stars: their places at the time of an observation, which of them matter to a region, who is a target.

Columns of tables in, arrays of stars out.
"""
