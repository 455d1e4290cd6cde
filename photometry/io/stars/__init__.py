"""Star tables, tables of targets, and the catalogue files made of them.

CSV, ECSV, FITS, VOTable and SQLite come in.
"""
