"""What a target shows of itself in a notebook."""

import base64
import re

import numpy as np
from prepared_folder import prepare_ccd

from photometry import BasePhotometry, PSFPhotometry


def test_a_target_shows_itself(tmp_path):
    prepared = prepare_ccd(tmp_path / "prepared", n_cadence=12)
    with PSFPhotometry(prepared.starid, prepared.folder, tmp_path, **prepared.place) as target:
        before = target._repr_html_()
        for words in (
            f"PSFPhotometry: TIC {prepared.starid}",
            "UNKNOWN",
            "sector 1, camera 4, CCD 2",
            str(target.stamp),
        ):
            assert words in before
        image = base64.b64decode(re.search(r"base64,([^']+)'", before)[1])
        assert image.startswith(b"\x89PNG")
        assert len(image) > 3000
        target.photometry()
        target.report_details(error="a < b")
        assert f"{target.status.name}: " in target._repr_html_()
        assert "a &lt; b" in target._repr_html_()


def test_plot_is_a_flag_that_draws(tmp_path):
    prepared = prepare_ccd(tmp_path / "prepared", n_cadence=12)
    for kind, flag in ((PSFPhotometry, True), (PSFPhotometry, False), (BasePhotometry, False)):
        with kind(prepared.starid, prepared.folder, tmp_path / "out", plot=flag, **prepared.place) as target:
            assert bool(target.plot) is flag
            assert target.plot == flag
            assert repr(target.plot) == repr(flag)
            panels = [axes.get_title() for part in target.plot().subfigs for axes in part.axes]
            assert panels[1] == "stamp"
            if kind is BasePhotometry:
                continue
            target.photometry()
            figure = target.plot()
            light, images = figure.subfigs
            assert light.axes[0].get_title().endswith(target.status.name)
            assert [axes.get_title() for axes in images.axes[:3]] == ["stamp", "model", "stamp - model"]
            residual = np.ma.filled(images.axes[2].images[0].get_array(), np.nan)
            fit = target._fit.fit
            errors = target.images_err_cube[..., target.lightcurve["quality"] == 0].astype(float)
            error = np.sqrt(np.nanmean(errors**2, axis=2) / np.isfinite(errors).sum(axis=2))
            expected = (target.sumimage - fit.model_image) / error
            np.testing.assert_allclose(residual, expected, rtol=1e-3, atol=1e-3)
            figure.savefig(tmp_path / "target.png")
            assert (tmp_path / "target.png").stat().st_size > 10_000
