"""Reference data that others publish: SPOC PRF files, the place of the spacecraft, the archive MAST.

Read or downloaded, checked, and handed on as data classes.
"""
