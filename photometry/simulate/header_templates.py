"""Headers of real files as templates: keys, order, comments, and what is the same in all files of a kind."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

from astropy.io import fits

from photometry.io.fits.fits_bytes import CardItem

__all__ = ["filled_template"]


def filled_template(
    name: str, values: Mapping[str, str | int | float | bool], more: Mapping[str, Sequence[CardItem]] | None = None
) -> list[CardItem]:
    """Return the cards of a template with its blank values filled in.

    Parameters
    ----------
    name : str
        File in `photometry/simulate/templates`, without its ending.
    values : mapping
        A value for each key that the template leaves blank, and for no other one.
    more : mapping of str to sequence of cards
        Cards that follow a key.

    Raises
    ------
    KeyError
        When a blank key has no value, or a value or more cards have no place.
    """
    more, template = more or {}, _template(name)
    if unknown := (set(values) - {key for key, value, _ in template if value is None}) | (
        set(more) - {key for key, _, _ in template}
    ):
        raise KeyError(f"{name} has no blank value for {', '.join(sorted(unknown))}")
    cards: list[CardItem] = []
    for key, value, comment in template:
        cards += [(key, values[key] if value is None else value, comment), *more.get(key, ())]
    return cards


@cache
def _template(name: str) -> tuple[CardItem, ...]:
    with resources.as_file(resources.files("photometry.simulate") / "templates" / f"{name}.txt") as path:
        header = fits.Header.fromtextfile(path)
    blank = fits.card.Undefined
    return tuple(
        (card.keyword, None if isinstance(card.value, blank) else card.value, card.comment) for card in header.cards
    )
