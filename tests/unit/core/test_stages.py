"""What long work says of itself."""

import logging

import pytest

from photometry.core import stages
from photometry.core.stages import PROGRESS, counted, duration, is_interim, stage


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time that a test sets."""
    now = [0.0]
    monkeypatch.setattr(stages.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, PROGRESS)
    return caplog


def test_a_stage_says_every_30_s_how_far_it_is_and_in_the_end_how_long_it_took(clock, said):
    with stage("first fit", 1300, "cadences") as advance:
        for _ in range(13):
            clock[0] += 10
            advance(100)
    assert said.messages == [
        "first fit: 300 of 1300 cadences, 30 s so far, up to 100 s left".replace("100 s", "2 min"),
        "first fit: 600 of 1300 cadences, 60 s so far, up to 70 s left",
        "first fit: 900 of 1300 cadences, 90 s so far, up to 40 s left",
        "first fit: 1200 of 1300 cadences, 2 min so far, up to 10 s left",
        "first fit: 1300 cadences in 2 min",
    ]
    assert [is_interim(record) for record in said.records] == [True] * 4 + [False]


def test_a_stage_within_another_names_it_and_has_no_end_of_its_own(clock, said):
    for _ in counted(range(2), "mean fluxes and motion", "rounds"):
        for _ in counted(range(4), "mean scene", "tiles"):
            clock[0] += 20
    assert said.messages == [
        "mean fluxes and motion (0 of 2 rounds), mean scene: 2 of 4 tiles, 40 s so far, up to 40 s left",
        "mean fluxes and motion (0 of 2 rounds), mean scene: 4 of 4 tiles, 80 s so far",
        "mean fluxes and motion: 1 of 2 rounds, 80 s so far, up to 80 s left",
        "mean fluxes and motion (1 of 2 rounds), mean scene: 2 of 4 tiles, 40 s so far, up to 40 s left",
        "mean fluxes and motion (1 of 2 rounds), mean scene: 4 of 4 tiles, 80 s so far",
        "mean fluxes and motion: 2 of 2 rounds, 3 min so far",
        "mean fluxes and motion: 2 rounds in 3 min",
    ]


def test_a_loop_that_ends_early_has_done_its_last_round(clock, said):
    for number in counted(range(12), "PRF", "rounds"):
        clock[0] += 1
        if number == 3:
            break
    with stage("next", 1, "files") as advance:
        advance(1)
    assert said.messages == ["PRF: 4 rounds in 4.0 s", "next: 1 file in 0.0 s"]


def test_work_that_fails_has_no_end(said):
    with pytest.raises(ValueError, match="oh"), stage("fit", 3, "nodes"):
        raise ValueError("oh")
    with stage("next", 0, "nodes"):
        pass
    assert said.messages == ["next: 0 nodes in 0.0 s"]


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (59.6, "60 s"),
        (99.4, "99 s"),
        (100, "2 min"),
        (5900, "98 min"),
        (7260, "2 h 01 min"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words
