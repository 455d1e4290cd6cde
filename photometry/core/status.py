"""How the photometry of a target ended."""

from enum import IntEnum

__all__ = ["MEASURED", "STATUS"]


class STATUS(IntEnum):
    """Status of a target; the numbers are part of the interface."""

    #: Nothing is known yet.
    UNKNOWN = 0
    #: Measured, no reservations.
    OK = 1
    #: No usable flux.
    ERROR = 2
    #: Measured; the reason says what to mind.
    WARNING = 3
    #: Stopped from outside.
    ABORT = 4
    #: Not measured on purpose; the reason says why.
    SKIPPED = 5
    #: Under way.
    STARTED = 6

    def __str__(self) -> str:
        """Return the name."""
        return self.name


#: The ones that come with a light curve file.
MEASURED = (STATUS.OK, STATUS.WARNING)
