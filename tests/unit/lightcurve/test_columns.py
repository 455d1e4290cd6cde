"""Columns of light curves: one declaration makes file, header, documents and the table of the Python class."""

import importlib.util
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from tile_fits import make_catalog, make_fit, make_header

from photometry.core.status import STATUS
from photometry.interface.lightcurve_table import curve_with_table, empty_table, fill_table
from photometry.io.results.lightcurve_cards import target_metadata
from photometry.io.results.lightcurve_files import LightCurveWriter
from photometry.lightcurve import columns
from photometry.lightcurve.columns import LIGHT_CURVE_COLUMNS, LightCurveColumn
from photometry.lightcurve.light_curve import LightCurve, light_curve

ROOT = Path(__file__).resolve().parents[3]
NEW = LightCurveColumn(
    "OLD_FLUX", "aperture_flux", "f8", "e-/s", "E14.7", "flux of days gone by", first=2, table="flux_of_old"
)


def make_products():
    spec = importlib.util.spec_from_file_location("make_products", ROOT / "docs/make_products.py")
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture
def more(monkeypatch):
    """One more column."""
    monkeypatch.setattr(columns, "LIGHT_CURVE_COLUMNS", (*LIGHT_CURVE_COLUMNS, NEW))


def written(fit, header, path):
    metadata = target_metadata(make_catalog(fit), 0, STATUS.OK, "")
    writer = LightCurveWriter(fit, header, 1, {})
    path.write_bytes(b"".join(writer.file_contents([light_curve(fit, 0, header)], [metadata])))
    return fits.open(path)


def test_every_column_is_a_series_of_a_light_curve():
    known = {field.name for field in fields(LightCurve)}
    assert {column.field for column in LIGHT_CURVE_COLUMNS} <= known
    names = [column.name for column in LIGHT_CURVE_COLUMNS]
    assert len(set(names)) == len(names)


def test_products_are_documented_as_they_are_declared():
    text = (ROOT / "docs/products.md").read_text()
    assert make_products().page(text) == text, "run: python docs/make_products.py"


@pytest.mark.usefixtures("more")
def test_a_declared_column_is_in_file_and_header(tmp_path):
    fit, header = make_fit(1), make_header()
    with written(fit, header, tmp_path / "a.fits") as hdus:
        table, number = hdus["LIGHTCURVE"], len(LIGHT_CURVE_COLUMNS) + 1
        assert table.columns.names[-1] == "OLD_FLUX"
        assert table.header.comments[f"TTYPE{number}"] == NEW.comment
        assert (table.header[f"TFORM{number}"], table.header[f"TUNIT{number}"]) == ("D", "e-/s")
        assert table.header[f"TDISP{number}"] == NEW.display
        np.testing.assert_array_equal(table.data["OLD_FLUX"], fit.aperture_flux[0] + 2)
        np.testing.assert_array_equal(table.data["SAP_FLUX"], fit.aperture_flux[0])


@pytest.mark.usefixtures("more")
def test_a_declared_column_is_in_the_documents():
    text = make_products().page((ROOT / "docs/products.md").read_text())
    assert "row shift by the movement kernel |\n| `OLD_FLUX` | float64 | e-/s | flux of days gone by |\n" in text


@pytest.mark.usefixtures("more")
def test_a_declared_column_is_in_the_table_of_the_class():
    fit, header = make_fit(1), make_header()
    table = empty_table(header, 84.3, -80.47)
    assert table["flux_of_old"].description == NEW.comment
    assert str(table["flux_of_old"].unit) == "electron / s"
    assert np.isnan(table["flux_of_old"]).all()
    curve = light_curve(fit, 0, header)
    fill_table(table, curve)
    np.testing.assert_array_equal(table["flux_of_old"], curve.aperture_flux)
    table["flux_of_old"][:] = 7.0
    assert (curve_with_table(curve, table, np.arange(len(table))).aperture_flux == 7.0).all()
