"""Stars that a job downloads: `catalog: mast`, against a server that answers as MAST does."""

import re

import numpy as np
import pandas as pd
import pytest
from archive_stand_in import StandIn
from archive_tables import TableService
from running import config_of

from photometry.io.stars.star_files import read_stars

pytestmark = pytest.mark.workflow


def tic_of(path):
    """Return a star table as the TIC has it."""
    table = pd.read_csv(path, float_precision="round_trip")
    columns = {name.lower(): table[name].astype(object).where(table[name].notna(), None).tolist() for name in table}
    return {"disposition": [None] * len(table)} | columns


def test_the_plan_and_the_archive_give_the_same_stars(field, tmp_path, monkeypatch, snakemake):
    given, asked = tmp_path / "given", tmp_path / "asked"
    for folder in (given, asked):
        folder.mkdir()
    result = snakemake(given, "--dry-run", config=config_of(field))
    assert result.returncode == 0, result.stdout
    until = ("--until", "stars", "--retries", "0")
    with StandIn() as server:
        for name, value in server.write_settings(tmp_path / "settings", n_retry=1).items():
            monkeypatch.setenv(name, value)
        result = snakemake(asked, *until, config=config_of(field, catalog="mast"))
        assert result.returncode == 1
        assert "MAST's table service was asked for the number of stars of the TIC" in result.stdout
        assert "put one at results/downloads/stars_tesscut" in result.stdout
        TableService(tic_of(field / "stars.csv")).add_to(server)
        result = snakemake(asked, *until)
        assert result.returncode == 0, result.stdout
        n_request = len(server.requests)
        result = snakemake(asked, *until, "--forcerun", "download_catalog")
        assert result.returncode == 0, result.stdout
        assert len(server.requests) == n_request
    found = read_stars(next(asked.glob("results/prepared/stars_*.hdf5")))
    wanted = read_stars(next(given.glob("results/plan/stars_*.hdf5")))
    for name in ("starid", "ra_j2000", "decl_j2000", "pm_ra", "pm_decl", "tmag", "teff"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name))
    assert len(found) == len(wanted) > 50
    log = next(asked.glob("results/logs/download_catalog/*.log")).read_text()
    assert re.search(r"stars of the TIC: 100%", log)
