"""FITS itself: opening, checking and writing files, tables and cards.

What the cards mean is the business of the other packages.
"""
