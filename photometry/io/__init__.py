"""Files: each package reads or writes one kind and holds no numerics.

Readers end in one message that names the file; writers rename when a file is whole.
"""
