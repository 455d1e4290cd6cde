"""The built-in PRF against its definition and against real SPOC files; the perturbed PRF."""

import numpy as np
import numpy.typing as npt
import pytest

from photometry.core.geometry import camera_centre
from photometry.io.reference.prf_files import read_spoc_prf
from photometry.prf.model import model_prf
from photometry.prf.prf_grid import PRF_COLUMNS, PRF_ROWS, PrfGrid
from photometry.simulate import perturbed_prf

_OFFSETS = (np.arange(117) - 58) / 9
_DISTANCE = np.hypot(_OFFSETS[:, None], _OFFSETS[None, :])


@pytest.fixture(scope="module")
def model() -> PrfGrid:
    return model_prf()


def _phase_sums(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return samples.reshape(*samples.shape[:-2], 13, 9, 13, 9).sum(axis=(-4, -2))


def _coma(samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Third moments of the light along rows and columns."""
    light = np.where(samples > 0.01 * samples.max(), samples, 0.0)
    light /= light.sum()
    row, column = np.meshgrid(_OFFSETS, _OFFSETS, indexing="ij")
    row, column = row - (light * row).sum(), column - (light * column).sum()
    square = light * (row**2 + column**2)
    return np.array([(square * row).sum(), (square * column).sum()])


def _fwhm(samples: npt.NDArray[np.float64]) -> float:
    """Diameter of the circle that has the area above half maximum, pixels."""
    return float(2 * np.sqrt((samples > samples.max() / 2).sum() / 81 / np.pi))


def test_form_is_that_of_the_spoc_files(model):
    assert model.samples.shape == (5, 5, 117, 117)
    assert tuple(model.rows) == PRF_ROWS == (0, 512, 1024, 1535, 2047)
    assert tuple(model.columns) == PRF_COLUMNS == (44, 556, 1068, 1579, 2091)
    assert model.source == "model"
    assert not model.errors.any()


def test_samples_one_pixel_apart_sum_to_one_at_every_phase(model):
    np.testing.assert_allclose(_phase_sums(model.samples), 1.0, atol=1e-12)
    assert model.samples.min() > 0


def test_every_axis_order_and_direction_gives_another_prf(model):
    samples = model.samples[1, 3]
    for other in (samples.T, samples[::-1], samples[:, ::-1], samples[::-1, ::-1]):
        assert np.abs(other - samples).max() > 0.02 * samples.max()


def test_light_points_away_from_the_camera_axis_and_widens(model):
    axis, far = model.samples[4, 0], model.samples[0, 4]
    assert _fwhm(axis) == pytest.approx(1.54, abs=0.05)
    assert _fwhm(far) == pytest.approx(1.9, abs=0.05)
    assert (far * _OFFSETS[:, None]).sum() / 81 < -0.05
    assert (far * _OFFSETS[None, :]).sum() / 81 > 0.05


@pytest.mark.parametrize(("ccd", "like"), [(1, 3), (2, 4)])
def test_the_camera_axis_is_at_the_corner_of_each_ccd(model, ccd, like):
    """CCDs 1 and 3 are the mirror images of 2 and 4 in the columns: the axis is beyond their last one."""
    samples = model_prf(ccd).samples
    np.testing.assert_array_equal(samples, model_prf(like).samples)
    mirrored = model.samples[:, ::-1, :, ::-1] if ccd == 1 else model.samples
    # The third of the five places is a pixel beside the middle.
    np.testing.assert_allclose(samples, mirrored, atol=2e-4)


def test_there_are_four_ccds():
    with pytest.raises(ValueError, match="ccd is 5, expected 1, 2, 3 or 4"):
        model_prf(5)


@pytest.mark.realdata
@pytest.mark.parametrize("folder", ["start_s0001_cam1_ccd4", "start_s0004_cam2_ccd3"])
def test_real_coma_lies_along_the_line_to_the_camera_axis(tess_data, folder):
    """Towards it or away from it; the other corner's line fits worse."""
    sector, camera, ccd = _SPOC[folder]
    grid = read_spoc_prf(tess_data / "prf" / folder, sector, camera, ccd)
    alignment = []
    for axis_ccd in (ccd, ccd - 1 if ccd % 2 == 0 else ccd + 1):
        row, column = np.meshgrid(grid.rows, grid.columns, indexing="ij")
        away = np.stack([row, column], axis=-1) - camera_centre(axis_ccd)
        coma = np.array([[_coma(samples) for samples in line] for line in grid.samples])
        cosine = (coma * away).sum(axis=-1) / np.linalg.norm(coma, axis=-1) / np.linalg.norm(away, axis=-1)
        alignment.append(abs(float(np.median(cosine))))
    assert alignment[0] > 0.85 > alignment[1]


_SPOC = {
    "start_s0001_cam4_ccd2": (1, 4, 2),
    "start_s0001_cam1_ccd4": (1, 1, 4),
    "start_s0004_cam2_ccd3": (15, 2, 3),
}


@pytest.mark.realdata
@pytest.mark.parametrize("folder", _SPOC)
def test_spoc_samples_one_pixel_apart_sum_to_one(tess_data, folder):
    sums = _phase_sums(read_spoc_prf(tess_data / "prf" / folder, *_SPOC[folder]).samples)
    assert (np.abs(sums - 1) < 1e-6).mean() > 0.95
    np.testing.assert_allclose(sums, 1.0, atol=5e-3)  # a few files have zeros along one edge of the samples


@pytest.mark.realdata
@pytest.mark.parametrize(
    "measure",
    [
        pytest.param(lambda samples: samples.max(), id="peak"),
        pytest.param(_fwhm, id="fwhm"),
        pytest.param(lambda samples: samples[_DISTANCE < 1].sum() / 81, id="light within 1 px"),
        pytest.param(lambda samples: samples[_DISTANCE < 3].sum() / 81, id="light within 3 px"),
        pytest.param(lambda samples: np.median(samples[np.abs(_DISTANCE - 5) < 0.1]), id="wings at 5 px"),
    ],
)
def test_model_is_as_sharp_and_as_wide_as_spoc_prfs(model, tess_data, measure):
    grids = [read_spoc_prf(tess_data / "prf" / folder, *ccd) for folder, ccd in _SPOC.items()]
    real = [measure(samples) for grid in grids for samples in grid.samples.reshape(-1, 117, 117)]
    ours = [measure(samples) for samples in model.samples.reshape(-1, 117, 117)]
    assert min(real) < min(ours)
    assert max(ours) < max(real) * 1.02


def test_perturbed_prf_keeps_its_sum_and_moves_its_centre(model):
    perturbed = perturbed_prf(model)
    np.testing.assert_allclose(_phase_sums(perturbed.samples), 1.0, atol=1e-12)
    for axis, samples in ((3, 3), (2, 5)):
        before, after = ((grid.samples.sum(axis=axis) * _OFFSETS).sum(axis=-1) / 81 for grid in (model, perturbed))
        np.testing.assert_allclose(after - before, 0.02 * samples / 9, atol=3e-4)
    assert "blurred by 0.03 px" in perturbed.source


def test_blur_widens_by_its_variance():
    offset = np.exp(-0.5 * (_OFFSETS / 0.8) ** 2)
    samples = np.outer(offset, offset)[None, None]
    samples /= samples.sum() / 81
    grid = PrfGrid(np.zeros(1), np.zeros(1), samples, np.zeros_like(samples), "test")
    blurred = perturbed_prf(grid, blur_pix=0.03, skew=0.0).samples[0, 0]
    variance = (blurred * _OFFSETS[:, None] ** 2).sum() / blurred.sum()
    assert variance == pytest.approx(0.8**2 + 0.03**2, rel=1e-5)


def test_nothing_happens_without_blur_and_skew(model):
    same = perturbed_prf(model, blur_pix=0.0, skew=0.0)
    np.testing.assert_allclose(same.samples, model.samples, atol=1e-12)
