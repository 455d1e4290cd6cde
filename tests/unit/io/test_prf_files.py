"""SPOC PRF files: checks by name, reading, fetching."""

import numpy as np
import pytest
from astropy.io import fits
from scipy.io import savemat

import photometry.io.reference.prf_files as prf_files
from photometry.core.errors import PrfError
from photometry.io.reference.prf_files import MAST_PRF_URL, check_prf_folder, download_prf, read_spoc_prf

ROWS, COLUMNS = (1, 513, 1025, 1536, 2048), (45, 557, 1069, 1580, 2092)
EARLY, LATE = "tess2018243163600", "tess2019107181901"


def samples_at(row, column):
    """Gaussian with a tail to larger rows that depends on the place; every phase adds up to about 1."""
    v, u = np.mgrid[-58:59, -58:59] / 9
    width = 0.9 + row / 20000 + column / 40000
    values = np.exp(-0.5 * (v**2 + u**2) / width**2) + 0.2 * np.exp(-0.5 * ((v - 1.5) ** 2 + u**2) / width**2)
    return values / values.sum() * 81


def write_one(path, row, column, camera=2, ccd=3, **changes):
    keys = {"CAM": camera, "CCD": ccd, "CCD_RREF": row, "CCD_CREF": column, "NSAMP": 9, **changes}
    primary = fits.PrimaryHDU(samples_at(row, column))
    primary.header.update({key: float(value) for key, value in keys.items()})
    fits.HDUList([primary, fits.ImageHDU(np.full((117, 117), 1e-3))]).writeto(path, overwrite=True)


def write_folder(folder, start=LATE, camera=2, ccd=3):
    folder.mkdir(parents=True, exist_ok=True)
    for row in ROWS:
        for column in COLUMNS:
            name = f"{start}-prf-{camera}-{ccd}-row{row:04d}-col{column:04d}.fits"
            write_one(folder / name, row, column, camera, ccd)
    return folder


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("prf"))


@pytest.fixture
def folder(tmp_path):
    """Empty files with the right names: enough for checks by name."""
    return names_in(tmp_path / "prf")


def names_in(folder, start=LATE, camera=2, ccd=3):
    folder.mkdir(parents=True, exist_ok=True)
    for row in ROWS:
        for column in COLUMNS:
            (folder / f"{start}-prf-{camera}-{ccd}-row{row:04d}-col{column:04d}.fits").touch()
    return folder


def test_reading(good):
    grid = read_spoc_prf(good, 15, 2, 3)
    assert list(grid.rows) == [0, 512, 1024, 1535, 2047]
    assert list(grid.columns) == [44, 556, 1068, 1579, 2091]
    assert grid.samples.shape == (5, 5, 117, 117)
    np.testing.assert_array_equal(grid.samples[1, 3], samples_at(513, 1580))
    assert np.all(grid.errors == 1e-3)
    assert grid.source == "spoc tess2019107181901-prf-2-3"


def test_files_by_row_and_column(folder):
    names = [path.name for path in check_prf_folder(folder, 4, 2, 3)]
    assert len(names) == 25
    assert names == sorted(names)


def test_right_ccd_and_epoch_are_found_in_subfolders(tmp_path):
    late = names_in(tmp_path / "start_s0004" / "cam2_ccd3")
    early = names_in(tmp_path / "start_s0001" / "cam2_ccd3", start=EARLY)
    names_in(tmp_path / "start_s0004" / "cam2_ccd4", ccd=4)
    assert {path.parent for path in check_prf_folder(tmp_path, 3, 2, 3)} == {early}
    assert {path.parent for path in check_prf_folder(tmp_path, 4, 2, 3)} == {late}


def test_missing_files_are_named(folder):
    (folder / f"{LATE}-prf-2-3-row0513-col0557.fits").unlink()
    (folder / f"{LATE}-prf-2-3-row2048-col2092.fits").unlink()
    message = r"prf: has 23 of the 25 PRF files; missing: row0513-col0557, row2048-col2092"
    with pytest.raises(PrfError, match=message):
        check_prf_folder(folder, 15, 2, 3)
    for path in folder.glob("*-row0001-*"):
        path.unlink()
    for path in folder.glob("*-row1025-*"):
        path.unlink()
    with pytest.raises(PrfError, match=r"has 13 of the 25 PRF files; missing: row0001-col0045.* and 6 more"):
        check_prf_folder(folder, 15, 2, 3)


def test_mixed_epochs_do_not_complete_each_other(folder):
    path = folder / f"{LATE}-prf-2-3-row0513-col0557.fits"
    path.rename(folder / path.name.replace(LATE, EARLY))
    with pytest.raises(PrfError, match=r"has 24 of the 25 PRF files; missing: row0513-col0557"):
        check_prf_folder(folder, 15, 2, 3)


def test_another_ccd(folder):
    with pytest.raises(PrfError, match=r"prf: has PRF files of camera 2 CCD 3; the pixels are of camera 4 CCD 1"):
        check_prf_folder(folder, 15, 4, 1)


@pytest.mark.parametrize(("start", "sector", "needed"), [(LATE, 3, "tess2018243"), (EARLY, 4, "tess2019107")])
def test_another_epoch(tmp_path, start, sector, needed):
    names_in(tmp_path, start=start)
    with pytest.raises(
        PrfError, match=rf"has PRF files of another epoch \({start[:11]}\); sector {sector} needs {needed}"
    ):
        check_prf_folder(tmp_path, sector, 2, 3)


def test_no_files_and_no_folder(tmp_path):
    with pytest.raises(PrfError, match=r"has no PRF file .*; get them from https://archive.stsci.edu"):
        check_prf_folder(tmp_path, 15, 2, 3)
    with pytest.raises(PrfError, match=r"nowhere: no such folder; correct the key 'prf'"):
        check_prf_folder(tmp_path / "nowhere", 15, 2, 3)


def test_same_place_twice(folder):
    names_in(folder / "copy")
    with pytest.raises(PrfError, match=r"is the same PRF as .*; remove one of them"):
        check_prf_folder(folder, 15, 2, 3)


def test_place_that_is_none(folder):
    (folder / f"{LATE}-prf-2-3-row0002-col0045.fits").touch()
    with pytest.raises(PrfError, match=r"row 2, column 45 is none of the 25 places"):
        check_prf_folder(folder, 15, 2, 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"CAM": 1}, "header key CAM is 1.0, expected 2"),
        ({"CCD": 1}, "header key CCD is 1.0, expected 3"),
        ({"NSAMP": 11}, "header key NSAMP is 11.0, expected 9"),
        ({"CCD_RREF": 1}, "header key CCD_RREF is 1.0, expected 513"),
    ],
)
def test_header_against_name(good, tmp_path, changes, message):
    copy = write_folder_from(good, tmp_path)
    path = copy / f"{LATE}-prf-2-3-row0513-col0557.fits"
    write_one(path, 513, 557, **changes)
    with pytest.raises(PrfError, match=rf"row0513-col0557.fits: {message}"):
        read_spoc_prf(copy, 15, 2, 3)


def write_folder_from(good, target):
    for path in good.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
    return target


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([np.ones((117, 117))], "add up to 169 of the light, expected 1"),
        ([np.full((117, 117), np.nan)], "add up to nan of the light"),
        ([np.ones((99, 99))], r"has samples of shape \(99, 99\), expected \(117, 117\)"),
        ([samples_at(1, 45)], "has no second image with the uncertainties"),
        ([samples_at(1, 45), -np.ones((117, 117))], "its uncertainties are no 117x117 numbers"),
    ],
)
def test_bad_samples(good, tmp_path, images, message):
    copy = write_folder_from(good, tmp_path)
    path = copy / f"{LATE}-prf-2-3-row0001-col0045.fits"
    header = fits.getheader(path)
    if message.startswith("has no second"):
        hdus = [fits.PrimaryHDU(images[0])]
    else:
        hdus = [fits.PrimaryHDU(images[0]), fits.ImageHDU(images[-1])]
    hdus[0].header.update({key: header[key] for key in ("CAM", "CCD", "CCD_RREF", "CCD_CREF", "NSAMP")})
    fits.HDUList(hdus).writeto(path, overwrite=True)
    with pytest.raises(PrfError, match=rf"row0001-col0045.fits: .*{message}"):
        read_spoc_prf(copy, 15, 2, 3)


def test_truncated(good, tmp_path):
    copy = write_folder_from(good, tmp_path)
    path = copy / f"{LATE}-prf-2-3-row1025-col1069.fits"
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(PrfError, match=r"row1025-col1069.fits: is truncated"):
        read_spoc_prf(copy, 15, 2, 3)


# MATLAB


def write_mat(folder, places=None, name=f"{LATE}-00195_045-2-3-characterized-prf.mat", **drop):
    places = [(row, column) for column in COLUMNS for row in ROWS] if places is None else places
    kinds = [("ccdRow", "O"), ("ccdColumn", "O"), ("values", "O"), ("uncertainties", "O")]
    elements = np.empty((1, len(places)), dtype=[kind for kind in kinds if kind[0] not in drop])
    for index, (row, column) in enumerate(places):
        content = (float(row), float(column), samples_at(row, column), np.full((117, 117), 2e-3))
        elements[0, index] = tuple(value for value, kind in zip(content, kinds, strict=True) if kind[0] not in drop)
    folder.mkdir(exist_ok=True)
    savemat(folder / name, {"prfStruct": elements})
    return folder


def test_matlab_structure_gives_the_same(good, tmp_path):
    folder = write_mat(tmp_path)
    assert [path.suffix for path in check_prf_folder(folder, 15, 2, 3)] == [".mat"]
    from_mat, from_fits = read_spoc_prf(folder, 15, 2, 3), read_spoc_prf(good, 15, 2, 3)
    np.testing.assert_array_equal(from_mat.samples, from_fits.samples)
    assert np.all(from_mat.errors == 2e-3)
    np.testing.assert_array_equal(from_mat.rows, from_fits.rows)
    assert from_mat.source == f"spoc {LATE}-00195_045-2-3-characterized-prf"


def test_fits_files_come_before_a_matlab_file(good, tmp_path):
    folder = write_mat(write_folder_from(good, tmp_path))
    assert len(check_prf_folder(folder, 15, 2, 3)) == 25


def test_bad_matlab_files(tmp_path):
    some = [(row, 45) for row in ROWS]
    with pytest.raises(PrfError, match=r"prf.mat: prfStruct has 5 of the 25 places"):
        read_spoc_prf(write_mat(tmp_path / "a", some), 15, 2, 3)
    with pytest.raises(PrfError, match=r"prf.mat: row 2.0, column 45.0 is none of the 25 places"):
        read_spoc_prf(write_mat(tmp_path / "b", [(2, 45), (1, 45)]), 15, 2, 3)
    with pytest.raises(PrfError, match=r"prf.mat: prfStruct has no field uncertainties"):
        read_spoc_prf(write_mat(tmp_path / "c", uncertainties=True), 15, 2, 3)
    folder = write_mat(tmp_path / "d")
    next(folder.iterdir()).write_bytes(b"MATLAB 5.0 MAT-file, cut short")
    with pytest.raises(PrfError, match=r"prf.mat: cannot be read as MATLAB file with prfStruct"):
        read_spoc_prf(folder, 15, 2, 3)
    with pytest.raises(PrfError, match=r"another epoch \(tess2019107\)"):
        read_spoc_prf(tmp_path / "a", 2, 2, 3)


# MAST


@pytest.fixture
def archive(monkeypatch, good, tmp_path):
    """Stand-in for MAST's folder; counts what is fetched."""
    fetched = []
    page = tmp_path / "page.html"
    page.write_text("".join(f'<a href="{path.name}">{path.name}</a>\n' for path in good.iterdir()))

    def download_file(url, *, show_progress, timeout):  # noqa: ARG001
        fetched.append(url)
        return str(page if url.endswith("/") else good / url.rsplit("/", 1)[1])

    monkeypatch.setattr(prf_files, "download_file", download_file)
    return fetched


def test_fetched_once(archive, tmp_path):
    target = download_prf(tmp_path / "kept", 15, 2, 3)
    assert target == tmp_path / "kept" / "start_s0004" / "cam2_ccd3"
    assert archive[0] == f"{MAST_PRF_URL}/start_s0004/cam2_ccd3/"
    assert len(archive) == 26
    assert read_spoc_prf(tmp_path / "kept", 15, 2, 3).samples.shape == (5, 5, 117, 117)
    assert download_prf(tmp_path / "kept", 15, 2, 3) == target
    assert len(archive) == 26


def test_interrupted_fetch_goes_on(archive, tmp_path):
    target = download_prf(tmp_path / "kept", 15, 2, 3)
    (target / f"{LATE}-prf-2-3-row1025-col1069.fits").unlink()
    download_prf(tmp_path / "kept", 15, 2, 3)
    assert archive[-1].endswith("row1025-col1069.fits")
    assert len(archive) == 28


LIES = {
    "a page in place of the file": lambda _: b"<html>maintenance</html>",
    "nothing": lambda _: b"",
    "half of it": lambda content: content[: len(content) // 2],
    "a file of another place": None,
}


@pytest.mark.usefixtures("archive")
@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_what_is_not_what_its_name_says_is_not_kept(good, tmp_path, monkeypatch, lie):
    last = f"{LATE}-prf-2-3-row1025-col1069.fits"
    honest, sent = prf_files.download_file, tmp_path / "sent"
    other = (good / f"{LATE}-prf-2-3-row0001-col0045.fits").read_bytes()
    sent.write_bytes(other if lie is None else lie((good / last).read_bytes()))

    def download_file(url, **more):
        return str(sent) if url.endswith(last) else honest(url, **more)

    monkeypatch.setattr(prf_files, "download_file", download_file)
    with pytest.raises(PrfError, match=rf"{last}: what https.* sent is not kept: it .*; run again, put the file there"):
        download_prf(tmp_path / "kept", 15, 2, 3)
    target = tmp_path / "kept/start_s0004/cam2_ccd3"
    assert last not in {path.name for path in target.iterdir()}
    monkeypatch.setattr(prf_files, "download_file", honest)
    assert len(list(download_prf(tmp_path / "kept", 15, 2, 3).iterdir())) == 25


def test_names_that_lead_elsewhere_are_no_names(archive, tmp_path, monkeypatch):
    page = tmp_path / "evil.html"
    page.write_text('<a href="../../../etc/passwd">x</a> <a href="/etc/tess2019107181901.fits">y</a>')
    honest = prf_files.download_file
    monkeypatch.setattr(
        prf_files, "download_file", lambda url, **more: str(page) if url.endswith("/") else honest(url, **more)
    )
    with pytest.raises(PrfError):
        download_prf(tmp_path / "kept", 15, 2, 3)
    assert not (tmp_path / "kept").exists()
    assert archive == []


def test_no_network(monkeypatch, tmp_path):
    def download_file(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(prf_files, "download_file", download_file)
    message = (
        r"start_s0001/cam1_ccd4: the PRF files cannot be fetched \(no route to host\); put the 25 files of "
        r"https://archive.stsci.edu/.*/start_s0001/cam1_ccd4/ into this folder, or set prf: model"
    )
    with pytest.raises(PrfError, match=message):
        download_prf(tmp_path, 2, 1, 4)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("start_s0004_cam2_ccd3", (15, 2, 3)),
        ("start_s0001_cam4_ccd2", (1, 4, 2)),
        ("start_s0001_cam1_ccd4", (3, 1, 4)),
    ],
)
def test_real_files(tess_data, name, place):
    grid = read_spoc_prf(tess_data / "prf" / name, *place)
    at_phase = grid.samples.reshape(25, 13, 9, 13, 9).sum(axis=(1, 3))
    assert np.abs(at_phase - 1).max() < 2e-2
    assert grid.errors.max() > 0
    assert len(check_prf_folder(tess_data / "prf", *place)) == 25
