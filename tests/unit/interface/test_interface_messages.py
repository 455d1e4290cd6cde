"""What the documented classes say: of wrong arguments, of the built-in PRF on real pixels, of themselves."""

import ast
import logging
import threading
from pathlib import Path

import numpy as np
import pytest
from prepared_folder import Prepared, make_scene, prepare, prepare_ccd, prepare_tpf

from photometry import PSF, STATUS, ImageMovementKernel, PSFPhotometry
from photometry.interface.target_report import TargetReport
from photometry.io.pixels.pixel_files import inspect_pixel_file

ROOT = Path(__file__).resolve().parents[3]
CCD_NAME = "sector001_camera4_ccd2"


@pytest.fixture(scope="module")
def ffi(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepare_ccd(tmp_path_factory.mktemp("ffi") / "prepared", n_cadence=12)


@pytest.fixture(scope="module")
def real_looking(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Pixels that do not say that they are simulated."""
    folder = tmp_path_factory.mktemp("real") / "prepared"
    return prepare(folder, make_scene(n_cadence=12), CCD_NAME, procver="spoc-5.0.20-20201120")


def open_ffi(prepared: Prepared, output: Path, **changes: object) -> PSFPhotometry:
    values = {"starid": prepared.starid, "input_folder": prepared.folder, "output_folder": output, **prepared.place}
    return PSFPhotometry(**(values | changes))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"starid": "HD 12"}, "starid is 'HD 12', expected a TIC number such as 261136679"),
        ({"starid": "TIC"}, "starid is 'TIC'"),
        ({"starid": np.array([12])}, r"starid is array\(\[12\]\)"),
        ({"starid": None}, "starid is None, expected a TIC number"),
        ({"starid": 12.5}, "starid is 12.5"),
        ({"starid": np.nan}, "starid is nan"),
        ({"camera": "four"}, "camera is 'four', expected a whole number"),
        ({"camera": True}, "camera is True"),
        ({"camera": 4.5}, "camera is 4.5"),
        ({"sector": 10000}, "sector is 10000, expected 1 to 9999"),
        ({"datasource": "tpf", "cadence": "long"}, "cadence is 'long'"),
        ({"camera": "TIC 4"}, "camera is 'TIC 4'"),
        ({"version": 100}, "version is 100, expected 1 to 99"),
        ({"version": -1}, "version is -1"),
        ({"version": "new"}, "version is 'new'"),
        ({"datasource": None}, "datasource is None"),
        ({"datasource": 5}, "datasource is 5"),
        ({"cache": None}, "cache is None"),
    ],
)
def test_wrong_arguments_say_what_is_expected(ffi, tmp_path, changes, words):
    with pytest.raises(ValueError, match=words):
        open_ffi(ffi, tmp_path, **changes)


def test_numbers_of_any_kind_are_numbers(ffi, tmp_path):
    other = {"starid": str(ffi.starid), "camera": np.int16(4), "ccd": 2.0, "sector": "1", "version": np.int64(3)}
    with open_ffi(ffi, tmp_path, **other) as target:
        assert (target.starid, target.camera, target.ccd, target.sector, target.version) == (ffi.starid, 4, 2, 1, 3)
        assert {type(value) for value in (target.starid, target.camera, target.version)} == {int}


def test_stars_are_named_in_any_way(ffi, tmp_path):
    for name in (f"TIC {ffi.starid}", f"tic{ffi.starid}", np.array(ffi.starid), np.array(f"TIC {ffi.starid}")):
        with open_ffi(ffi, tmp_path, starid=name) as target:
            assert target.starid == ffi.starid
            assert type(target.starid) is int


def test_a_status_prints_its_name():
    assert str(STATUS.WARNING) == f"{STATUS(3)}" == "WARNING"
    assert int(STATUS.WARNING) == 3


def test_stamps_of_pieces_of_pixels(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        kept = target.stamp
        for wrong in ({"up": 1.5}, {"width": "wide"}, {"height": 7.0}):
            with pytest.raises(ValueError, match="whole number of pixels"):
                target.resize_stamp(**wrong)
        with pytest.raises(ValueError, match="would be empty, -5 x 15 pixels; it stays 15 x 15"):
            target.resize_stamp(up=-20)
        with pytest.raises(ValueError, match="outside the pixels"):
            target.resize_stamp(down=-100, up=100)
        assert target.stamp == kept
        assert target.resize_stamp(left=np.int64(1))


def test_stamp_without_the_target(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        target.resize_stamp(down=-12)
        assert target.photometry() == STATUS.ERROR
        assert f"TIC {ffi.starid} is not on the pixels of the stamp" in target.details["errors"][0]


def test_a_closed_target_reads_again_what_is_asked_for(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        target.photometry()
    flux, stamp = np.array(target.lightcurve["flux"]), target.stamp
    assert Path(target.save_lightcurve()).is_file()
    assert target.images_cube.shape == (15, 15, 12)
    target.clear_cache()
    target.photometry()
    np.testing.assert_array_equal(target.lightcurve["flux"], flux)
    assert target.stamp == stamp


def test_times_that_are_none(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target, pytest.raises(ValueError, match="time is NaN"):
        target.catalog_attime(np.nan)
    kernel = ImageMovementKernel("translation")
    kernel.load_series([0.0, 1.0], [[0.0, 0.0], [0.2, -0.1]])
    with pytest.raises(ValueError, match="time is NaN"):
        kernel.jitter([0.5, np.nan], 3.0, 4.0)


def test_objects_say_what_they_are(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        text = repr(target)
        for part in ("PSFPhotometry", f"TIC {ffi.starid}", "sector 1, camera 4, CCD 2", str(target.stamp), "UNKNOWN"):
            assert part in text
        target.photometry()
        assert repr(target) != text
        assert "12 kernels" in repr(target.MovementKernel)
    assert repr(PSF(1, 4, 2, (0, 5, 44, 50))).endswith("stamp (0, 5, 44, 50): model>")


def test_what_is_reported_is_text(ffi, tmp_path):
    with open_ffi(ffi, tmp_path) as target:
        target.report_details(error=ValueError("no good"), skip_targets=[np.int64(5)])
        assert target.details["errors"] == ["no good"]
        assert target.details["skip_targets"] == [5]


# The built-in PRF


def test_built_in_prf_on_real_pixels_is_told_once(real_looking, tmp_path, caplog):
    with open_ffi(real_looking, tmp_path) as target:
        target.photometry()
        for _ in range(2):
            (warning,) = target.details["warnings"]
            assert "built-in PRF" in warning
            assert "workflow's settings" in warning
            target.photometry()
        assert target.psf.prf.source == "model"
    assert len([record for record in caplog.records if "built-in PRF" in record.getMessage()]) == 1


def test_built_in_prf_says_which_setting_to_change(tmp_path, caplog):
    scene = make_scene(n_row=22, n_column=22, n_cadence=12)
    prepared = prepare(tmp_path / "prepared", scene, CCD_NAME, products=False, procver="spoc-5.0.20-20201120")
    with open_ffi(prepared, tmp_path) as target:
        assert target.psf.prf.source == "model"
        assert target.MovementKernel is not None
        target.report_details()
        assert "settings['prf']['source'] to 'mast' or to a folder" in target.details["warnings"][0]
    assert len(caplog.records) == 1


def test_simulated_pixels_of_all_kinds_have_no_warning(ffi, tmp_path, caplog):
    tpf = prepare_tpf(tmp_path / "prepared", n_cadence=12)
    with PSFPhotometry(tpf.starid, tpf.folder, tmp_path, datasource="tpf") as target, open_ffi(ffi, tmp_path) as other:
        for one in (target, other):
            one.photometry()
            assert one.details["warnings"] == []
    assert caplog.records == []
    (path,) = tpf.folder.glob("*.fits")
    assert inspect_pixel_file(path, "tpf").pointing.simulated_here


def test_warnings_are_seen_where_logging_is_not_set_up(real_looking, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    with open_ffi(real_looking, tmp_path) as target:
        target.photometry()
    assert capsys.readouterr().err.count("built-in PRF") == 1


def test_warnings_of_other_threads_are_seen_but_not_collected(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    log, report = logging.getLogger("of.another"), TargetReport()
    with report.collected_warnings(), TargetReport().collected_warnings():
        thread = threading.Thread(target=log.warning, args=("elsewhere",))
        thread.start()
        thread.join()
        log.warning("here")
    assert capsys.readouterr().err == "elsewhere\nhere\n"
    assert report.as_dict()["warnings"] == ["here"]


# The classes' files


@pytest.mark.parametrize("name", ["base", "psf_target"])
def test_files_of_the_classes_hold_no_numerics(name):
    arithmetic = (ast.Add, ast.Sub, ast.Mult, ast.MatMult, ast.Pow, ast.Mod, ast.FloorDiv)
    tree = ast.parse((ROOT / f"photometry/interface/{name}.py").read_text())
    for node in ast.walk(tree):
        assert not (isinstance(node, ast.BinOp) and isinstance(node.op, arithmetic)), ast.unparse(node)
        if isinstance(node, ast.Call):
            assert not ast.unparse(node.func).startswith(("np.", "math.", "scipy.")), ast.unparse(node)
