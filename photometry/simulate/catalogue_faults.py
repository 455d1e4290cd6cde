"""What is wrong with a star catalogue beyond its magnitudes: places, stars that it lacks, entries that are no stars."""

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np
from astropy.wcs import WCS

from photometry.core.stars import Stars
from photometry.simulate.scene_settings import SceneSettings
from photometry.simulate.sky_light import Catalogue, catalogue_of, misplaced

__all__ = ["faulty_catalogue"]


def faulty_catalogue(
    settings: SceneSettings, wcs: WCS, full: Catalogue, year: float, streams: Sequence[np.random.Generator]
) -> Catalogue:
    """Return a catalogue with wrong places, without some of the stars, and with entries that are no stars at its end.

    Parameters
    ----------
    settings : SceneSettings
        How much is wrong.
    wcs : WCS
        True WCS in CCD pixels.
    full : Catalogue
        The catalogue that has all stars where they are.
    year : float
        Time of the observation, Julian year.
    streams : (3,) sequence of Generator
        Random numbers of places, missing stars and false entries: more of one kind leaves the others as they are.
    """
    n_star = len(full.stars)
    row_error, column_error = streams[0].normal(0, settings.place_error_pix, (2, n_star))
    catalogue = misplaced(full, wcs, row_error, column_error, year)
    listed = streams[1].random(n_star) >= settings.missing_fraction
    false = _false_stars(settings, full.stars, streams[2])
    invented = catalogue_of(replace(settings, tmag_error=0.0), wcs, false, year, streams[2])
    return _joined(catalogue.select(listed), invented)


def _false_stars(settings: SceneSettings, stars: Stars, rng: np.random.Generator) -> Stars:
    """Draw stars that do not exist, with the next free numbers."""
    area, n_false = settings.stamp.grown(settings.star_margin), rng.binomial(len(stars), settings.false_fraction)
    first = stars.starid.max(initial=0) + 1
    return Stars(
        starid=first + np.arange(n_false, dtype=np.int64),
        row=rng.uniform(area.row_min - 0.5, area.row_max - 0.5, n_false),
        column=rng.uniform(area.col_min - 0.5, area.col_max - 0.5, n_false),
        tmag=stars.tmag[rng.integers(max(len(stars), 1), size=n_false)],
    )


def _joined(one: Catalogue, other: Catalogue) -> Catalogue:
    """Put two catalogues one behind the other."""
    stars = Stars(
        *(np.concatenate([getattr(each.stars, field.name) for each in (one, other)]) for field in fields(Stars))
    )
    names = [field.name for field in fields(Catalogue) if field.name != "stars"]
    return Catalogue(stars, *(np.concatenate([getattr(each, name) for each in (one, other)]) for name in names))
