"""Settings of the Python interface."""

import pytest

from photometry import load_settings
from photometry.core.settings import FitSettings, MotionSettings, PrfSettings
from photometry.interface.user_settings import SETTINGS_VARIABLE, numeric_settings


def test_defaults_are_those_of_the_workflow():
    numerics = numeric_settings(load_settings())
    assert (numerics.fit, numerics.motion, numerics.prf_learning) == (FitSettings(), MotionSettings(), PrfSettings())


def test_a_file_changes_them(tmp_path, monkeypatch):
    path = tmp_path / "my.ini"
    path.write_text("[fit]\ntmag_limit = 15\n[prf]\nsource = prf%20files\n[prf_learning]\nlearn = no\n")
    for settings in (load_settings(path), (monkeypatch.setenv(SETTINGS_VARIABLE, str(path)), load_settings())[1]):
        assert numeric_settings(settings).fit == FitSettings(tmag_limit=15.0)
        assert not numeric_settings(settings).prf_learning.learn
        assert settings["prf"]["source"] == "prf%20files"
    load_settings()["fit"]["tmag_limit"] = "3"
    assert load_settings()["fit"]["tmag_limit"] == "15"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[fits]\n", "fits.*known are"),
        ("[fit]\ntmag = 3\n", "'tmag' in .fit. is not known"),
        ("[fit]\ntmag_limit = bright\n", "tmag_limit = 'bright' in .fit., expected a float such as 16.0"),
        ("tmag_limit = 3\n", "INI file"),
        ("[motion]\nmode = nonsense\n", "mode = 'nonsense' in .motion., expected one of affine, euclidian"),
        ("[fit]\njoint_size = 2\n", "joint_size = '2' in .fit., expected at least 8"),
        ("[fit]\nnode_reach = 0\n", "node_reach = '0' in .fit., expected more than 0"),
        ("[fit]\ntmag_limit = nan\n", "tmag_limit = 'nan' in .fit., expected a finite number"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, words):
    path = tmp_path / "my.ini"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"my\.ini.*{words}"):
        load_settings(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file of settings"):
        load_settings(tmp_path / "none.ini")
