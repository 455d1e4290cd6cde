"""Reference data that others publish: SPOC PRF files, the place of the spacecraft.

Read or downloaded, checked, and handed on as data classes.
"""
