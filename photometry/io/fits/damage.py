"""What libraries raise for files that are not what they should be."""

import sqlite3
import struct
import zlib
from xml.parsers.expat import ExpatError

from astropy.io.fits import VerifyError

__all__ = ["DAMAGED"]

#: astropy, pandas, h5py and the standard library promise no kind of exception for garbage in a file, and none of these
#: says which file. Who reads a file catches them all and names it. What is left is a defect of the software, or of the
#: machine.
DAMAGED: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    AssertionError,
    OSError,
    EOFError,
    UnboundLocalError,
    RecursionError,
    MemoryError,
    ExpatError,
    VerifyError,
    sqlite3.Error,
    UserWarning,
    struct.error,
    zlib.error,
)
