"""Sudden local changes of the background are flagged, and nothing else is."""

import numpy as np
import pytest
from ffi_frames import CORNER, frame, star_field, starlight, true_background

from photometry.background.anomalies import background_anomalies
from photometry.background.starlight import catalogue_light
from photometry.prf.model import model_prf


@pytest.fixture(scope="module")
def scene():
    """Background, starlight, mask of a frame and the frame."""
    truth, stars = true_background(), star_field()
    light, mask = starlight(stars)
    return truth.astype(np.float32), light, mask, frame(truth + light)


def test_usual_frame_has_none(scene):
    truth, light, mask, image = scene
    assert background_anomalies(image, truth, mask, light).mean() < 1e-4


def test_motion_is_no_anomaly(scene):
    truth, light, mask, _ = scene
    row, column, tmag = star_field()
    moved = frame(truth + catalogue_light(model_prf(), CORNER, row + 0.3, column - 0.3, tmag))
    assert background_anomalies(moved, truth, mask, light).mean() < 0.01


def test_edge_of_scattered_light(scene):
    truth, light, mask, image = scene
    # The smooth model passes through the middle of the step.
    row, column = np.mgrid[:1024, :1024]
    distance = 0.6 * row + 0.8 * column - 700
    edge = np.where(distance > 0, 3.0, -3.0) * np.exp(-np.abs(distance) / 30)
    flagged = background_anomalies((image + edge).astype(np.float32), truth, mask, light)
    assert flagged[np.abs(edge) > 2].mean() > 0.95
    assert flagged[np.abs(edge) < 0.1].mean() < 1e-3


def test_ghost(scene):
    truth, light, mask, image = scene
    odd = image.copy()
    odd[400:440, 600:650] += 20
    flagged = background_anomalies(odd, truth, mask, light)
    assert flagged[400:440, 600:650].mean() > 0.95
    assert flagged.sum() < 2 * 40 * 50


def test_moving_asteroid(scene):
    truth, light, mask, image = scene
    free = np.argwhere(~mask[50:-50, 50:-50])[1000] + 50
    asteroid = catalogue_light(model_prf(), CORNER, [free[0] + 0.2], [free[1] + 1068.4], [12.5])
    flagged = background_anomalies(image + asteroid, truth, mask, light)
    assert flagged[free[0], free[1]]
    assert flagged.sum() < 1500


def test_hot_pixel_alone_is_no_anomaly(scene):
    truth, light, mask, image = scene
    before = background_anomalies(image, truth, mask, light)
    free = np.argwhere(~mask)[::5000]
    odd = image.copy()
    odd[free[:, 0], free[:, 1]] += 200
    assert background_anomalies(odd, truth, mask, light).sum() <= before.sum() + 10


def test_frames_without_pixels_or_background(scene):
    truth, light, mask, image = scene
    assert not background_anomalies(np.full_like(image, np.nan), truth, mask, light).any()
    assert not background_anomalies(image, np.full_like(truth, np.nan), mask, light).any()
    assert not background_anomalies(image, truth, np.ones_like(mask), light).any()
