"""Results for users: light curve files, their index, the summary.

Layout and names are those of docs/products.md.
"""
