"""The page that one browses: from arrays of a run to packed data, and the HTML, CSS and JavaScript around them.

Functions are pure: arrays and texts in, contents of files out (`photometry.io.results.page_files` writes them).
docs/decisions/057 says why the page is static and how its data are packed.
"""
