"""Frames that the stars are not on are found; whatever else happens to stars and frames is no such thing."""

import numpy as np
import pytest
from scipy import stats

from photometry.frames import frame_goodness
from photometry.frames.frame_goodness import frames_without_stars, usual_image

N_FRAME, SHAPE = 40, (13, 15)


def field(seed=3, n_star=9, bright=3e4, shape=SHAPE, row=0.0, column=0.0):
    """Stars of a field, moved."""
    rng = np.random.default_rng(seed)
    rows, columns = rng.uniform(1, np.array(shape) - 2, (n_star, 2)).T
    fluxes = bright * 10 ** -rng.uniform(0, 2, n_star)
    y, x = np.mgrid[: shape[0], : shape[1]]
    light = np.exp(-0.5 * ((y - rows[:, None, None] - row) ** 2 + (x - columns[:, None, None] - column) ** 2) / 0.64)
    return np.tensordot(fluxes / 4, light, 1)


def frames(light=None, noise=3.0, n=N_FRAME):
    """Frames of a field with noise."""
    light = field() if light is None else light
    return (light + np.random.default_rng(1).normal(0, noise, (n, *light.shape))).astype(np.float32)


def found(images, good=None):
    usual = usual_image(images if good is None else images[good])
    return np.flatnonzero(frames_without_stars(images, usual)).tolist()


BAD = {
    "constant": lambda image: np.full_like(image, 100),
    "almost constant": lambda image: np.full_like(image, 100) + np.float32(1e-5) * np.arange(image.shape[1]),
    "noise": lambda image: np.random.default_rng(5).normal(0, 3, image.shape),
    "strong noise": lambda image: np.random.default_rng(5).normal(0, 3e3, image.shape),
    "negative": lambda image: -image,
    "moved": lambda image: np.roll(image, 4, axis=1),
    "mirrored": lambda image: image[::-1],
    "turned": lambda image: image[::-1, ::-1],
    "another field": lambda image: field(seed=17, shape=image.shape),
    "a hundredth": lambda image: image / 100,
    "half": lambda image: image * 0.4,
    "tenfold": lambda image: image * 10,
    "upper half": lambda image: np.where(np.arange(len(image))[:, None] < len(image) / 2, 100, image),
    "ramp": lambda image: np.broadcast_to(np.arange(image.shape[1]) * 50.0, image.shape),
}


@pytest.mark.parametrize("name", BAD)
def test_the_stars_are_not_on_it(name):
    images = frames()
    images[30] = BAD[name](images[30])
    assert found(images) == [30]


@pytest.mark.parametrize("step", [5, 3])
def test_many_such_frames(step):
    images = frames()
    bad = np.arange(0, N_FRAME, step)
    images[bad] = 100
    assert found(images) == bad.tolist()


GOOD = {
    "flare": lambda image: image + 20 * field(n_star=1),
    "asteroid": lambda image: image + 3e4 * np.exp(-(np.hypot(*np.mgrid[-3:10, -4:11]) ** 2)),
    "jitter": lambda image: image + field(row=0.4, column=-0.3) - field(),
    "bright sky": lambda image: image + 500,
    "pixel": lambda image: image + 1e5 * (np.arange(image.size).reshape(image.shape) == 70),
    "not measured": lambda image: np.full_like(image, np.nan),
    "a third measured": lambda image: np.where(np.arange(image.shape[1]) % 3 == 0, image, np.nan),
}


@pytest.mark.parametrize("name", GOOD)
def test_stars_may_do_what_they_do(name):
    images = frames()
    images[30] = GOOD[name](images[30])
    assert found(images) == []


@pytest.mark.parametrize("share", [0.02, 0.1, 0.5, 20])
def test_the_brightest_star_may_be_eclipsed_or_flare(share):
    bright = field(seed=4, n_star=1, bright=2e5)
    images = frames(field() + bright)
    images[28:33] = frames(field() + share * bright)[:5]
    assert found(images) == []


def test_a_lone_star_may_be_eclipsed():
    images = frames(field(n_star=1))
    images[28:33] = frames(0.1 * field(n_star=1))[:5]
    assert found(images) == []


def test_faint_fields_tell_nothing():
    images = frames(field(bright=5.0))
    images[30] = 100
    assert usual_image(images) is None
    assert found(images) == []


def test_two_frames_tell_nothing():
    assert usual_image(frames(n=2)) is None


def test_frames_without_noise():
    images = frames(noise=0.0)
    images[30] = 100
    assert found(images) == [30]


def test_ranks_are_those_of_scipy():
    values = np.random.default_rng(3).integers(0, 20, 300).astype(float)
    np.testing.assert_array_equal(frame_goodness._ranks(values), stats.rankdata(values))
