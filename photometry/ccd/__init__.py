"""From the full-frame images of a CCD to its cube: steps that read, work out and write, block by block.

In bounded memory, and taken up after an interruption.
"""
