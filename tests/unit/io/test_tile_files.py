"""Fits of tiles on disk: written part by part, read some stars at a time."""

import weakref
from dataclasses import fields, replace

import numpy as np
import pytest
from tile_fits import STAMP, make_catalog, make_fit, make_header

from photometry.core.geometry import Stamp
from photometry.fit.tile_fit import SERIES, TileFit, joined
from photometry.io.products.tile_files import StoredTileFit, read_tile_fit, write_tile_fit, write_tile_parts
from photometry.io.results import lightcurve_files
from photometry.io.results.lightcurve_files import export_tile
from photometry.io.store.tables import write_ecsv

#: More stars than a chunk has, none of them a multiple of its number.
N_STARS = (70, 0, 13)


def _parts():
    """Fits of parts of a tile side by side, with other stars each, and their cores."""
    parts = []
    for number, n_star in enumerate(N_STARS):
        stamp = Stamp(STAMP.row_min, STAMP.row_max, STAMP.col_min + 40 * number, STAMP.col_max + 40 * number)
        fit = make_fit(max(n_star, 1), seed=number + 1, stamp=stamp).of_stars(np.arange(n_star))
        parts.append((replace(fit, starid=fit.starid + 1000 * number), stamp))
    return parts


@pytest.fixture
def stored(tmp_path):
    path = tmp_path / "parts.hdf5"
    write_tile_parts(path, _parts(), {})
    return path


def _assert_same(one, other):
    for field in fields(TileFit):
        ours, theirs = getattr(one, field.name), getattr(other, field.name)
        assert getattr(ours, "dtype", None) == getattr(theirs, "dtype", None), field.name
        np.testing.assert_array_equal(ours, theirs, field.name)


def _whole():
    fits, cores = zip(*_parts(), strict=True)
    return joined(fits, cores)


def test_parts_are_read_as_one(stored):
    _assert_same(read_tile_fit(stored), _whole())


def test_the_same_bytes_in_one_part(stored, tmp_path):
    write_tile_fit(tmp_path / "whole.hdf5", _whole(), {})
    assert stored.read_bytes() == (tmp_path / "whole.hdf5").read_bytes()


def test_some_stars_in_any_order(stored):
    which = np.array([81, 3, 70, 3, 42])
    _assert_same(StoredTileFit.open(stored).of_stars(which), _whole().of_stars(which))


def test_series_that_are_not_asked_for_have_no_cadences(stored):
    some = StoredTileFit.open(stored).of_stars(np.array([5, 6]), ("flux", "chi2"))
    np.testing.assert_array_equal(some.chi2, _whole().chi2[5:7])
    assert {name: getattr(some, name).shape[1] for name in SERIES} == {
        name: 120 * (name in ("flux", "chi2")) for name in SERIES
    }


def test_a_part_is_freed_before_the_next_one_is_made(tmp_path):
    alive = []

    def parts():
        for number in range(len(N_STARS)):
            assert all(reference() is None for reference in alive)
            fit, core = _parts()[number]
            alive.append(weakref.ref(fit.flux))
            yield fit, core
            del fit

    write_tile_parts(tmp_path / "parts.hdf5", parts(), {})
    assert len(alive) == len(N_STARS)


def test_nothing_is_left_of_a_fit_that_fails(tmp_path):
    def parts():
        yield _parts()[0]
        raise ValueError("the second part")

    (tmp_path / ".fit.hdf5.killed.hdf5").write_bytes(b"of a job that was killed")
    with pytest.raises(ValueError, match="second part"):
        write_tile_parts(tmp_path / "fit.hdf5", parts(), {})
    assert list(tmp_path.iterdir()) == []


def test_light_curves_are_the_same_star_by_star(stored, tmp_path, monkeypatch):
    whole = _whole()
    header = make_header(stamp=whole.stamp)
    given = header, whole.starid[::-1][2:], make_catalog(whole)
    index = export_tile(whole, *given, tmp_path / "whole", 1, "a", "t", {})
    monkeypatch.setattr(lightcurve_files, "_FEWEST_AT_ONCE", 5)
    monkeypatch.setattr(lightcurve_files, "_VALUES_AT_ONCE", 0)
    by_few = export_tile(StoredTileFit.open(stored), *given, tmp_path / "few", 1, "a", "t", {})
    for table, name in ((index, "whole"), (by_few, "few")):
        write_ecsv(table, tmp_path / f"{name}.ecsv")
    assert (tmp_path / "whole.ecsv").read_bytes() == (tmp_path / "few.ecsv").read_bytes()
    assert len(index) == 81
    for file in index["file"]:
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "few" / file).read_bytes()
