from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from tile_fits import STAMP, WCS_HEADER, make_fit, make_header

from photometry.calibration.kernel import MovementKernel
from photometry.core.geometry import Stamp, tiles_of
from photometry.core.stars import Stars
from photometry.lightcurve.light_curve import light_curve
from photometry.lightcurve.metrics import light_curve_metrics
from photometry.plots import (
    Scatter,
    field_figure,
    light_curves_figure,
    motion_figure,
    note_figure,
    residual_figure,
    residual_stamp,
    save_figure,
    scatter_figure,
    trends_figure,
)
from photometry.plots.sky_marks import sky_directions
from photometry.trends.trend_set import ReferenceStars, no_trends


def stars_of(fit):
    return Stars(fit.starid, fit.row, fit.column, fit.tmag)


def kernel_of(n_cadence):
    parameters = np.zeros((n_cadence, 9))
    parameters[:, 0] = 0.01 * np.sin(np.arange(n_cadence) / 10)
    parameters[5, 0] = 0.5
    bad = np.arange(n_cadence) == 8
    return MovementKernel((320.0, 560.0), 20.0, (0.0, 0.0), parameters, np.zeros((n_cadence, 9, 9)), bad, "pixels")


def scatter_of(fit, header):
    metrics = light_curve_metrics(fit, header.usable, header.cadenceno, header.exposure.cadence_s)
    return Scatter(fit.tmag, metrics.rms_hour, metrics.ptp, np.arange(len(fit.tmag)) == 1)


def curves_figure(fit, header, stars):
    curves = [light_curve(fit, star, header) for star in stars]
    apertures = [np.full(len(header.time), 2.0 * np.median(fit.flux[star])) for star in stars]
    return light_curves_figure(curves, apertures, [f"TIC {star}" for star in stars], header.usable)


def figure_of_trends(n_star=30, n_trend=2, **changes):
    rng, time = np.random.default_rng(1), make_header().time
    many = rng.uniform(1e-3, 2e-3, (3, n_star, n_trend))
    tmag, row, column = rng.uniform([7, 300, 540], [13, 340, 580], (n_star, 3)).T
    stars = ReferenceStars(np.arange(n_star), tmag, row, column, *np.ones((3, n_star)), *many)
    trends = replace(
        no_trends(time, np.arange(len(time), dtype=np.int32), "too few stars"),
        values=np.sin(np.outer(np.arange(1, n_trend + 1), time)),
        stars=stars,
        scores=(0.0, -0.5, -0.7, -0.69),
        **changes,
    )
    return trends_figure(trends, np.full(n_star, 2000.0), np.full(n_star, 200.0), 6.5, "trends")


def residual_of(fit, star, error=1.0):
    stamp = residual_stamp(fit, star)
    return residual_figure(fit, star, "residual", stamp, np.full(stamp.shape, error))


def draw(name):
    fit, header = make_fit(), make_header()
    if name == "field":
        return field_figure(fit.sum_image, STAMP, stars_of(fit), tiles_of(STAMP, 20, 4), "field", fit.starid[:1])
    if name == "light_curves":
        return curves_figure(fit, header, range(3))
    if name == "residual":
        return residual_of(fit, 1)
    if name == "scatter":
        return scatter_figure(scatter_of(fit, header), header.exposure, 100.0, "scatter")
    if name == "trends":
        return figure_of_trends()
    if name == "motion":
        return motion_figure(header.time, kernel_of(120), STAMP, header.usable, "motion")
    return note_figure("nothing")


NAMES = ["field", "light_curves", "residual", "scatter", "motion", "trends", "empty"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_figures_are_drawn_and_deterministic(tmp_path, name, suffix):
    for copy in ("one", "two"):
        save_figure(draw(name), tmp_path / f"{copy}.{suffix}")
    content = (tmp_path / f"one.{suffix}").read_bytes()
    assert len(content) > 2000
    assert content == (tmp_path / f"two.{suffix}").read_bytes()


def test_no_state_of_pyplot_is_touched():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    assert all(isinstance(draw(name), Figure) for name in NAMES)
    assert plt.get_fignums() == before


@pytest.mark.parametrize("name", NAMES[:-1])
def test_axes_have_labels_with_units(name):
    figure = draw(name)
    for axes in figure.axes:
        shared = axes.get_shared_x_axes().get_siblings(axes)
        assert any("(" in one.get_xlabel() for one in shared) or "(" in axes.get_ylabel()
        assert "(" in axes.get_ylabel()


def test_field_shows_stars_targets_and_tiles_in_ccd_pixels():
    fit = make_fit()
    far = Stars(
        np.append(fit.starid, 1), np.append(fit.row, 900.0), np.append(fit.column, 900.0), np.append(fit.tmag, 5)
    )
    figure = field_figure(fit.sum_image, STAMP, far, tiles_of(STAMP, 20, 4), "field", fit.starid[:1])
    axes = figure.axes[0]
    assert axes.images[0].get_extent() == [539.5, 579.5, 299.5, 339.5]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "star: 2 brightest of 2, to T = 11.0",
        "target: 1 brightest of 1, to T = 9.0",
        "tile",
    ]
    places = np.concatenate([marks.get_offsets() for marks in axes.collections])
    assert sorted(map(tuple, places)) == sorted(zip(fit.column, fit.row, strict=True))
    assert len(axes.patches) == 4


def test_field_marks_stars_that_the_table_lacks_where_the_pixels_have_them():
    fit = make_fit()
    unlisted = Stars(np.array([-1, -2]), np.array([305.0, 320.0]), np.array([550.0, 561.0]), np.array([12.0, 14.0]))
    figure = field_figure(fit.sum_image, STAMP, stars_of(fit), [], "field", offset=(0.3, -0.1), unlisted=unlisted)
    squares = figure.axes[0].collections[-1]
    assert squares.get_label() == "not in the star table: 2"
    np.testing.assert_allclose(squares.get_offsets(), [[549.9, 305.3], [560.9, 320.3]])
    assert len(squares.get_facecolors()) == 0


def test_field_and_residual_mark_a_star_at_the_same_place():
    fit = make_fit()
    catalogue = Stars(fit.starid, fit.row - 0.3, fit.column + 0.1, fit.tmag)
    field = field_figure(fit.sum_image, STAMP, catalogue, [], "field", offset=(0.3, -0.1))
    places = np.concatenate([marks.get_offsets() for marks in field.axes[0].collections])
    residual = residual_of(fit, 1).axes[0]
    ring = next(line for line in residual.lines if line.get_marker() == "o")
    np.testing.assert_allclose(places[1], [ring.get_xdata()[0], ring.get_ydata()[0]])


def test_trends_are_shown_with_what_they_do():
    trends, number, scatter, places, *_ = figure_of_trends().axes
    assert [text.get_text().partition(":")[0] for text in trends.texts] == ["1", "2"]
    np.testing.assert_allclose(number.lines[0].get_ydata(), 100 * (1 - np.exp([0.0, -0.5, -0.7, -0.69])))
    assert [text.get_text() for text in scatter.get_legend().get_texts()] == ["FLUX", "CORR_FLUX"]
    assert len(places.collections[0].get_offsets()) == 30


def test_trends_without_stars_are_shown_alone_and_none_say_why():
    assert len(figure_of_trends(0).axes) == 1
    (text,) = figure_of_trends(0, 0).texts
    assert "no trends (too few stars)" in text.get_text()


def test_corrected_fluxes_are_shown_beside_others():
    fit, header = make_fit(), make_header()
    one, other = (light_curve(fit, star, header) for star in range(2))
    curves = [one, replace(other, corr_flux=other.corr_flux * np.float32(1.01))]
    figure = light_curves_figure(curves, [curve.flux for curve in curves], ["one", "other"], header.usable)
    for axes, curve in zip(figure.axes, curves, strict=True):
        (line,) = [line for line in axes.lines if line.get_label() == "corrected (CORR_FLUX)"]
        np.testing.assert_array_equal(line.get_ydata(), curve.corr_flux)
    plain = curves_figure(fit, header, range(2))
    assert not [line for axes in plain.axes for line in axes.lines if "CORR" in str(line.get_label())]


def test_light_curves_show_every_cadence_and_mark_the_flagged():
    fit, header = make_fit(), make_header()
    flux = fit.flux.copy()
    flux[0, 5] = 1e7
    figure = curves_figure(replace(fit, flux=flux), header, [0])
    axes = figure.axes[0]
    crosses = next(line for line in axes.lines if line.get_marker() == "x")
    np.testing.assert_array_equal(crosses.get_xdata(), header.time[[5]])
    low, high = axes.get_ylim()
    assert high < 1e6
    assert low < crosses.get_ydata()[0] < high
    aperture = next(line for line in axes.lines if len(line.get_xdata()) == 120)
    np.testing.assert_array_equal(aperture.get_ydata(), np.full(120, 2.0 * np.median(flux[0])))


@pytest.mark.parametrize("angle", [0.0, 40.0, 200.0])
@pytest.mark.parametrize("dec", [-80.47, 12.0])
def test_compass_shows_north_and_east_and_the_bar_its_length(angle, dec):
    # CD matrix of a sky that is turned by an angle: columns of it are the steps in (RA cos dec, Dec) of a pixel.
    cos, sin = 0.0058 * np.cos(np.deg2rad(angle)), 0.0058 * np.sin(np.deg2rad(angle))
    numbers = {"CD1_1": cos, "CD1_2": -sin, "CD2_1": sin, "CD2_2": cos, "CRVAL2": dec}
    header = "".join(
        f"{key:8s}= {numbers[key]:20.12f}".ljust(80) if (key := card[:8].strip()) in numbers else card.ljust(80)
        for card in map("".join, zip(*[iter(WCS_HEADER)] * 80, strict=True))
        if card[:1] not in "AB"
    ).replace("-SIP", "    ")
    north, east = sky_directions(header, STAMP)
    np.testing.assert_allclose(north, [sin / 0.0058, cos / 0.0058], atol=0.01)
    np.testing.assert_allclose(east, [cos / 0.0058, -sin / 0.0058], atol=0.01)
    fit = make_fit()
    axes = field_figure(fit.sum_image, STAMP, stars_of(fit), [], "f", wcs_header=header).axes[0]
    assert {text.get_text() for text in axes.texts} >= {"N", "E", "120 arcsec"}
    bar = next(line for line in axes.lines if len(line.get_xdata()) == 2)
    assert np.ptp(bar.get_xdata()) == pytest.approx(120 / 21, rel=0.03)


def test_named_targets_have_their_names_beside_them():
    fit = make_fit()
    named = fit.starid[1:].tolist()
    axes = field_figure(fit.sum_image, STAMP, stars_of(fit), [], "field", fit.starid, named=named).axes[0]
    assert sorted(text.get_text() for text in axes.texts) == [f"TIC {starid}" for starid in named]
    assert axes.get_xlim() == (STAMP.col_min - 0.5, STAMP.col_max - 0.5)
    assert axes.get_ylim() == (STAMP.row_min - 0.5, STAMP.row_max - 0.5)


def test_legends_cover_neither_title_nor_data():
    for name in ("motion", "light_curves"):
        figure = draw(name)
        figure.canvas.draw()
        axes = figure.axes[0]
        legend = axes.get_legend().get_window_extent()
        assert not legend.overlaps(axes.get_window_extent().padded(-2))
        title = axes._left_title.get_window_extent()
        assert legend.y1 <= title.y1 - 0.4 * title.height


def test_simulated_pixels_are_said_to_be(tmp_path):
    figure = draw("residual")
    save_figure(figure, tmp_path / "figure.png", is_simulated=True)
    assert figure.texts[-1].get_text() == "simulated pixels"


def test_residual_is_image_less_model():
    fit = make_fit()
    images = [axes.images[0].get_array() for axes in residual_of(fit, 1, error=4.0).axes[:3]]
    np.testing.assert_allclose(images[2], (images[0] - images[1]) / 4.0)
    assert images[0].shape == (15, 15)


def test_scatter_shows_both_measures_and_the_noise():
    fit, header = make_fit(), make_header()
    scatter = scatter_of(fit, header)
    hour, pairs = scatter_figure(scatter, header.exposure, 100.0, "s").axes
    np.testing.assert_array_equal(hour.lines[0].get_ydata(), scatter.rms_hour[[0, 2]])
    np.testing.assert_array_equal(pairs.lines[1].get_ydata(), scatter.ptp[[1]])
    assert hour.get_yscale() == "log"
    assert any("read noise" in text.get_text() for text in hour.get_legend().get_texts())


def test_motion_is_in_millipixels_and_flagged_cadences_marked():
    header = make_header()
    figure = motion_figure(header.time, kernel_of(120), STAMP, header.usable, "m")
    crosses = next(line for line in figure.axes[0].lines if line.get_marker() == "x")
    assert len(crosses.get_xdata()) == 2  # one flagged, one not measured
    middle = next(line for line in figure.axes[0].lines if line.get_label() == "middle")
    assert np.max(np.abs(middle.get_ydata())) == pytest.approx(10, rel=0.01)


def test_awkward_data_are_drawn(tmp_path):
    fit, header = make_fit(), make_header()
    blank = np.full(STAMP.shape, np.nan)
    nothing = Stars(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0), np.empty(0))
    gone = replace(fit, flux=fit.flux * np.nan, aperture_flux=fit.aperture_flux * np.nan)
    none = np.empty(0)
    all_flagged = replace(header, quality=np.ones(120, dtype=np.int32))
    drawn = [
        field_figure(blank, STAMP, nothing, (), "blank"),
        field_figure(np.ones(STAMP.shape), STAMP, nothing, (), "flat"),
        light_curves_figure([], [], [], header.usable),
        curves_figure(gone, header, [0]),
        curves_figure(fit, all_flagged, [0]),
        residual_of(replace(fit, sum_image=blank, model_image=blank), 0),
        residual_of(make_fit(1, row=np.array([300.0]), column=np.array([579.0])), 0),
        scatter_figure(Scatter(none, none, none, none.astype(bool)), header.exposure, 0.0, "none"),
        scatter_figure(Scatter(*np.full((3, 1), np.nan), np.zeros(1, bool)), header.exposure, 0.0, "NaN"),
        motion_figure(header.time, kernel_of(120), Stamp(0, 2048, 44, 2092), all_flagged.usable, "all flagged"),
    ]  # fmt: skip
    for figure in drawn:
        save_figure(figure, tmp_path / "figure.png")
