"""Stars of Gaia DR3 as star tables have them."""

import sqlite3

import numpy as np
import pandas as pd
import pytest
from archive_stand_in import StandIn
from archive_stars import places_in_cone, tic_stars
from archive_tables import TableService

from photometry.archive.gaia_stars import (
    gaia_starid,
    is_as_bright,
    match_to_tic,
    places_at_j2000,
    tess_magnitude,
)
from photometry.archive.service import conf
from photometry.archive.sky_boxes import SkyRegion
from photometry.archive.star_downloads import download_star_table
from photometry.catalog.star_catalog import positions_at
from photometry.core.errors import ArchiveError
from photometry.core.sky import unit_vectors
from photometry.io.stars.star_tables import read_star_table

REGION = SkyRegion(10.0, 40.0, 0.5, np.zeros((0, 3)), 0.0)
GAIA = "/tap-server/tap"
#: A number of 19 digits, which a float would round.
SOURCE = 6_917_000_000_000_000_001


def test_magnitudes_by_hand():
    tmag, error = tess_magnitude(np.array([10.0, 10.0, 10.0]), np.array([0.0, 1.0, np.nan]))
    np.testing.assert_allclose(tmag, [10.0324473, 10 - 0.00522555 + 0.0891337 - 0.633923 + 0.0324473, 9.57])
    assert error.tolist() == [0.006, 0.006, 0.6]


def test_colours_beyond_the_relation_count_as_its_last():
    tmag, error = tess_magnitude(np.full(4, 12.0), np.array([-0.2, -1.0, 3.5, 6.0]))
    assert tmag[0] == tmag[1]
    assert tmag[2] == tmag[3]
    assert error.tolist() == [0.006, 0.6, 0.006, 0.6]


def test_magnitudes_of_the_tic_itself(tess_data):
    """Stars whose T the TIC has from the same relation (tessflag gbprp)."""
    table = pd.read_csv(tess_data / "reference" / "tic82_excerpt_206rows.csv")
    table.columns = table.columns.str.lower()
    table = table[table["tessflag"] == "gbprp"]
    tmag, _ = tess_magnitude(table["gaiamag"].to_numpy(), (table["gaiabp"] - table["gaiarp"]).to_numpy())
    assert len(table) > 10
    np.testing.assert_allclose(tmag, table["tmag"], atol=0.001)


def test_the_service_is_asked_for_the_same_stars_as_are_kept():
    rng = np.random.default_rng(1)
    g, colour = rng.uniform(14, 20, 5000), rng.uniform(-0.6, 4.5, 5000)
    base = sqlite3.connect(":memory:")
    base.execute("CREATE TABLE stars (g, colour)")
    base.executemany(
        "INSERT INTO stars VALUES (?, ?)", [(a, b if b < 4.2 else None) for a, b in zip(g, colour, strict=True)]
    )
    found = base.execute(f"SELECT COUNT(*) FROM stars WHERE {is_as_bright(17.0, 'g', 'colour')}").fetchone()[0]
    base.close()
    assert found == (tess_magnitude(g, np.where(colour < 4.2, colour, np.nan))[0] <= 17).sum() > 1000


def test_places_move_back_to_j2000_and_forward_again():
    ra, dec, pm = np.array([269.45, 10.0, 0.0]), np.array([4.74, -89.9, 40.0]), np.array([-801.6, 800.0, 800.0])
    none = np.array([np.nan])
    np.testing.assert_allclose(np.ravel(places_at_j2000(ra[:1], dec[:1], none, none)), [269.45, 4.74, 0, 0])
    old = places_at_j2000(ra, dec, pm, 0 * pm)
    again = positions_at(*old, 2016.0)
    off = np.linalg.norm(unit_vectors(*again) - unit_vectors(ra, dec), axis=-1)
    moved = np.linalg.norm(unit_vectors(*old[:2]) - unit_vectors(ra, dec), axis=-1)
    np.testing.assert_allclose(np.rad2deg(moved) * 3600, 16 * np.abs(pm) / 1000, rtol=1e-3)
    assert (np.rad2deg(off) * 3600e3 < 0.01).all()


def test_numbers_of_gaia_are_no_numbers_of_the_tic():
    lowest, highest = 4_295_806_720, 12 * 2**59
    numbers = gaia_starid(np.array([lowest, SOURCE, highest]))
    assert numbers.dtype == np.int64
    assert numbers.tolist() == [lowest + 10**18, SOURCE + 10**18, highest + 10**18]
    assert {len(str(number)) for number in numbers.tolist()} == {19}


def test_matches():
    dr3 = np.array([SOURCE, SOURCE + 1, SOURCE + 2, SOURCE + 3, SOURCE + 4])
    dr2 = np.array([SOURCE + 50, SOURCE + 50, SOURCE + 51, SOURCE + 52, SOURCE + 53])
    distance = np.array([20.0, 3.0, 1.0, 1.0, 1.0])
    difference = np.array([0.0, 0.05, 0.3, -0.01, 0.0])
    # The last is in no TIC; the third is another star by its magnitude; the nearer of two is the star.
    tic = np.array([7, 8, 9]), np.array([SOURCE + 52, SOURCE + 51, SOURCE + 50])
    source_id, starid = match_to_tic((dr3, dr2, distance, difference), tic)
    assert source_id.tolist() == [SOURCE + 1, SOURCE + 3]
    assert starid.tolist() == [9, 7]


def test_nothing_to_match():
    none, numbers = np.empty(0, dtype=np.int64), np.array([SOURCE])
    for gaia, tic in (((none, none), none), ((numbers, numbers), none), ((none, none), numbers)):
        distance = np.zeros(len(gaia[0]))
        found = match_to_tic((*gaia, distance, distance), (tic, tic))
        assert [len(column) for column in found] == [0, 0]


@pytest.fixture
def archives():
    """MAST and ESA: of 400 stars of Gaia every third is in the TIC, and every tenth is two stars in DR2."""
    from astroquery.mast import conf as mast

    count = 400
    ra, dec = places_in_cone(10.0, 40.0, 0.6, count)
    # On the region: a bright star without a name in the TIC.
    ra[1], dec[1] = 10.0, 40.2
    rng = np.random.default_rng(5)
    source = (SOURCE - 2 * np.arange(count)[::-1]).tolist()
    gaia = {
        "source_id": source,
        "ra": ra.tolist(),
        "dec": dec.tolist(),
        "pmra": rng.normal(0, 50, count).tolist(),
        "pmdec": rng.normal(0, 50, count).tolist(),
        "phot_g_mean_mag": rng.uniform(10, 18, count).tolist(),
        "bp_rp": [None if place % 20 == 0 else 0.5 + place / count for place in range(count)],
    }
    pairs = [(number - 10**6, number, 5.0, 0.01) for number in source]
    pairs += [(number - 10**6 - 1, number, 900.0, 0.02) for number in source[::10]]
    tic = tic_stars(ra, dec)
    gaia["phot_g_mean_mag"][1] = 4.0
    tic["gaia"] = [str(number - 10**6) if place % 3 == 0 else None for place, number in enumerate(source)]
    tic["tmag"] = tess_magnitude(np.array(gaia["phot_g_mean_mag"]), np.array(gaia["bp_rp"], dtype=float))[0].tolist()
    with (
        StandIn() as server,
        mast.set_temp("server", server.url),
        conf.set_temp("gaia_url", server.url + GAIA),
        conf.set_temp("retry_s", 0.001),
        conf.set_temp("answer_s", 0.5),
    ):
        # Two bright stars that ESA does not have, one of them no star.
        bright = {"id": 77, "ra": 10.1, "dec": 40.1, "pmra": 3.0, "pmdec": None, "tmag": 1.5, "teff": 9000.0}
        bright |= {"disposition": None, "gaia": None}
        for row in (bright, bright | {"id": 78, "ra": 10.2, "disposition": "ARTIFACT"}):
            for name, value in row.items():
                tic[name].append(value)
        TableService(tic).add_to(server)
        service = TableService(gaia, "gaiadr3.gaia_source", most_at_once=2000)
        names = ("dr2_source_id", "dr3_source_id", "angular_distance", "magnitude_difference")
        service.add_table(
            "gaiadr3.dr2_neighbourhood", dict(zip(names, map(list, zip(*pairs, strict=True)), strict=True))
        )
        service.add_to(server, GAIA)
        server.stars = pd.DataFrame(gaia).assign(starid=tic["id"][:count])
        yield server


def download(folder, tmag_limit=16.0):
    return download_star_table(
        folder / "stars.csv", "gaia", REGION, tmag_limit, folder / "kept", folder / "by_hand.csv"
    )


def test_a_star_table_of_gaia(archives, tmp_path):
    path = download(tmp_path)
    found, stars = pd.read_csv(path, dtype={"gaia_dr3": "Int64"}), archives.stars
    found = found[found["gaia_dr3"].notna()].set_index("gaia_dr3")
    tmag, error = tess_magnitude(stars["phot_g_mean_mag"].to_numpy(), stars["bp_rp"].to_numpy(dtype=float))
    wanted = stars[(tmag <= 16) & REGION.contains(stars["ra"], stars["dec"])].set_index("source_id")
    assert set(found.index) == set(wanted.index)
    found = found.loc[wanted.index]
    named = (wanted.index - stars["source_id"].iloc[0]) // 2 % 3 == 0
    assert found["ID"][named].tolist() == wanted["starid"][named].tolist()
    assert found["ID"][~named].tolist() == (wanted.index[~named] + 10**18).tolist()
    assert found["ID"].is_unique
    assert named.sum() > 50
    assert found["Teff"].notna().tolist() == named.tolist()
    of_star = pd.DataFrame({"tmag": tmag, "error": error}, index=stars["source_id"]).loc[wanted.index]
    np.testing.assert_allclose(found["Tmag"], of_star["tmag"], atol=1e-4)
    np.testing.assert_array_equal(found["e_Tmag"], of_star["error"])
    ra, dec, *_ = places_at_j2000(*(wanted[name].to_numpy() for name in ("ra", "dec", "pmra", "pmdec")))
    np.testing.assert_allclose(found[["ra", "dec"]].to_numpy(), np.stack([ra, dec], axis=-1), atol=1e-10)
    read = read_star_table(path).table
    assert read["starid"].tolist() == sorted([77, *found["ID"]])


def test_bright_stars_that_gaia_lacks_are_from_the_tic(archives, tmp_path):
    found = pd.read_csv(download(tmp_path), dtype={"gaia_dr3": "Int64"})
    (added,) = found[found["gaia_dr3"].isna()].itertuples()
    assert (added.ID, added.ra, added.dec, added.pmRA, added.Tmag, added.Teff) == (77, 10.1, 40.1, 3.0, 1.5, 9000.0)
    assert (found["Tmag"] < 6).sum() == 2
    assert archives.stars["starid"][1] not in found["ID"].tolist()


def test_it_is_asked_for_once_and_has_the_same_bytes_again(archives, tmp_path):
    first = download(tmp_path).read_bytes()
    asked = len(archives.requests)
    assert download(tmp_path).read_bytes() == first
    assert len(archives.requests) == asked
    assert {request.path.rpartition("/tap")[0] for request in archives.asked(GAIA)} == {"/tap-server"}


@pytest.mark.parametrize("fault", ["busy", "html", "cut", "empty"])
def test_faults_of_esa(archives, tmp_path, fault):
    archives.faults += [(GAIA, fault)] * 50
    message = "ESA's table service was asked for the number of stars of Gaia DR3 from RA .*; the same command goes on"
    with conf.set_temp("n_retry", 1), pytest.raises(ArchiveError, match=message):
        download(tmp_path)
    archives.faults[1:] = []
    assert len(pd.read_csv(download(tmp_path))) > 100
