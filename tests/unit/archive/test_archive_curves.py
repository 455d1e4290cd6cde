"""`photometry.light_curves`: a star by its number, in all sectors, with lightkurve."""

import numpy as np
import pytest

import photometry
from photometry.core.errors import ArchiveError, ConfigError

pytestmark = pytest.mark.filterwarnings("ignore:Warning. the tpfmodel submodule")


@pytest.fixture
def curves(archive, sky, tmp_path):  # noqa: ARG001  the server has to be there
    return photometry.light_curves(sky.starid, folder=tmp_path, cutout_size=15)


def test_all_sectors_with_the_right_flux(curves, sky):
    assert [curve.meta["SECTOR"] for curve in curves] == [1, 4]
    for curve in curves:
        truth = sky.flux_in(tuple(curve.meta[name] for name in ("SECTOR", "CAMERA", "CCD")))
        assert np.nanmean(curve.flux.value) == pytest.approx(truth, rel=0.01)
        assert curve.meta["LABEL"] == f"TIC {sky.starid}"
        assert curve.time.format == "btjd"


def test_a_second_call_asks_and_measures_nothing(curves, archive, sky, tmp_path, monkeypatch):
    asked = len(archive.requests)
    monkeypatch.setattr(photometry.PSFPhotometry, "photometry", None)
    again = photometry.light_curves(sky.starid, folder=tmp_path, cutout_size=15)
    assert len(archive.requests) == asked
    assert np.array_equal(again[1].flux.value, curves[1].flux.value)
    (one,) = photometry.light_curves(sky.starid, sectors=[4], folder=tmp_path, cutout_size=15)
    assert one.meta["SECTOR"] == 4


@pytest.mark.usefixtures("archive")
def test_messages(sky, tmp_path):
    with pytest.raises(ArchiveError, match="the TIC has no star 4"):
        photometry.light_curves(4, folder=tmp_path)
    with pytest.raises(ArchiveError, match="no images in sector 99"):
        photometry.light_curves(sky.starid, sectors=[99], folder=tmp_path)
    with pytest.raises(ConfigError, match="tic is 'pi Men', expected a TIC number"):
        photometry.light_curves("pi Men", folder=tmp_path)
