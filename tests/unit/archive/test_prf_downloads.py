"""PRF files from MAST's file server."""

import pytest
from archive_fields import add_prf
from archive_stand_in import Reply

from photometry.archive.prf_downloads import download_prf
from photometry.core.errors import ArchiveError
from photometry.io.reference.prf_files import read_spoc_prf
from photometry.prf.model import model_prf

FILES = "/missions/tess/models/prf_fitsfiles/start_s0004/cam2_ccd3/"


@pytest.fixture
def files(server):
    add_prf(server, model_prf(3), 15, 2, 3)
    return server


def test_fetched_once(files, tmp_path):
    target = download_prf(tmp_path / "kept", 15, 2, 3)
    assert target == tmp_path / "kept" / "start_s0004" / "cam2_ccd3"
    assert len(files.requests) == 26
    assert read_spoc_prf(tmp_path / "kept", 15, 2, 3).samples.shape == (5, 5, 117, 117)
    assert download_prf(tmp_path / "kept", 15, 2, 3) == target
    assert len(files.requests) == 26


def test_an_interrupted_fetch_goes_on(files, tmp_path):
    target = download_prf(tmp_path / "kept", 15, 2, 3)
    next(target.glob("*row1025-col1069.fits")).unlink()
    download_prf(tmp_path / "kept", 15, 2, 3)
    assert files.requests[-1].path.endswith("row1025-col1069.fits")
    assert len(files.requests) == 28


def test_a_fetch_that_was_killed_at_a_file_goes_on(files, tmp_path):
    """What it left has another name, or is in a hidden folder, as an earlier version left it: no second PRF."""
    target = download_prf(tmp_path / "kept", 15, 2, 3)
    expected = sorted(path.name for path in target.iterdir())
    killed = next(target.glob("*row1025-col1069.fits"))
    (target / ".older").mkdir()
    (target / ".older" / killed.name).write_bytes(killed.read_bytes())
    killed.rename(target / f".{killed.name}.abcdefgh.fits")
    download_prf(tmp_path / "kept", 15, 2, 3)
    assert len(files.requests) == 28
    assert sorted(path.name for path in target.iterdir()) == [".older", *expected]
    assert read_spoc_prf(tmp_path / "kept", 15, 2, 3).samples.shape == (5, 5, 117, 117)


@pytest.mark.parametrize("fault", ["busy", "html", "cut", "empty", "silent"])
@pytest.mark.parametrize("path", [FILES, f"{FILES}tess2019107181900-prf-2-3-row1025"])
def test_faults(files, tmp_path, fault, path):
    files.faults = [(path, fault)] * 20
    message = (
        r"MAST was asked for the PRF of camera 2, CCD 3: .*; put the 25 files of http.* into .*, or set prf: model"
    )
    with pytest.raises(ArchiveError, match=message):
        download_prf(tmp_path, 15, 2, 3)
    files.faults = [(path, fault)]
    assert len(list(download_prf(tmp_path, 15, 2, 3).glob("*.fits"))) == 25


def test_another_file_than_its_name_says(files, tmp_path):
    answer = files.routes[FILES]
    name = f"{FILES}tess2019107181900-prf-2-3-row0001-col0045.fits"

    def lies(request):
        if request.path.endswith("row0513-col0557.fits"):
            request.path = name
        return answer(request)

    files.routes[FILES] = lies
    with pytest.raises(ArchiveError, match=r"header key CCD_RREF is 1.0, expected 513"):
        download_prf(tmp_path, 15, 2, 3)
    assert not list(tmp_path.rglob("*row0513-col0557.fits"))


def test_a_page_without_files(files, tmp_path):
    files.routes[FILES] = lambda _request: Reply(b"<html>nothing here</html>", "text/html")
    with pytest.raises(ArchiveError, match=r"its page lists no PRF file"):
        download_prf(tmp_path, 15, 2, 3)
