"""Words of messages that depend on a number."""

__all__ = ["number_of"]


def number_of(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``number_of(1, "tile")`` is "1 tile", with 2 it is "2 tiles".

    Parameters
    ----------
    number : int
        How many.
    one : str
        What is said of one, as "star is".
    many : str
        What is said of several, as "stars are" [default: `one` with an s].
    """
    return f"{number} {one if number == 1 else many or f'{one}s'}"
