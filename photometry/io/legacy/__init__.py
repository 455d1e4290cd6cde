"""Prepared files in the older layout, one dataset for each cadence.

Read only.
"""
