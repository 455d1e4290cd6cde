"""What headers of pixel files say is kept between runs, while the files stay the same."""

import json
import logging
import os
import shutil

import pytest
from pixel_file_builder import cutout, tpf

from photometry.io.pixels import pixel_files
from photometry.io.pixels.file_memory import FileMemory
from photometry.io.pixels.pixel_files import inspect_usable_files


@pytest.fixture
def folder(tmp_path):
    """Folder with a cutout, a target pixel file and a file that is neither."""
    (tmp_path / "files").mkdir()
    cutout().write(tmp_path / "files/cutout.fits")
    tpf().write(tmp_path / "files/tpf.fits")
    (tmp_path / "files/broken.fits").write_bytes(b"SIMPLE")
    return tmp_path / "files"


@pytest.fixture
def opened(monkeypatch):
    """Names of the files whose headers are read."""
    names = []
    read = pixel_files.header_units
    monkeypatch.setattr(pixel_files, "header_units", lambda path: names.append(path.name) or read(path))
    return names


def look(folder, datasource="tesscut", code="a", first_pixel=None):
    memory = FileMemory(folder.parent / "memory.json", code)
    found = inspect_usable_files(folder, datasource, memory=memory, first_pixel=first_pixel)
    memory.write()
    return found


def test_a_file_is_read_once(folder, opened):
    first, problems = look(folder)
    assert sorted(opened) == ["broken.fits", "cutout.fits", "tpf.fits"]
    opened.clear()
    again, problems_again = look(folder)
    # What is wrong with a file is found out anew.
    assert opened == ["broken.fits"]
    assert again == first
    assert repr(again) == repr(first)
    assert list(map(str, problems)) == list(map(str, problems_again))
    assert len(problems) == 1


@pytest.mark.parametrize("change", ["date", "size", "inode"])
def test_a_changed_file_is_read_again(folder, opened, change):
    look(folder)
    path, other = folder / "cutout.fits", folder / "other"
    state = path.stat()
    if change == "size":
        path.write_bytes(path.read_bytes() + bytes(2880))
    elif change == "inode":
        shutil.copy2(path, other)
        other.replace(path)
    if change != "date":
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    else:
        os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    opened.clear()
    look(folder)
    assert "cutout.fits" in opened
    assert "tpf.fits" not in opened


def test_other_code_kinds_and_places_are_not_known(folder, opened):
    look(folder)
    for arguments in ({"code": "b"}, {"datasource": "tpf"}):
        opened.clear()
        look(folder, **arguments)
        assert set(opened) == {"broken.fits", "cutout.fits", "tpf.fits"}
    path = folder / "cutout.fits"
    opened.clear()
    assert look(path, first_pixel=(100, 200))[0][0].place.row == 100
    assert opened == ["cutout.fits"]
    assert look(path, first_pixel=(101, 200))[0][0].place.row == 101


@pytest.mark.parametrize(
    "content", ["", "[]", "{", '{"layout": 1}', '{"layout": 1, "code": "a", "files": []}', "garbage"]
)
def test_a_damaged_memory_counts_as_none(folder, content):
    expected = look(folder)[0]
    (folder.parent / "memory.json").write_text(content)
    assert look(folder)[0] == expected


def test_a_damaged_entry_counts_as_none(folder):
    expected = look(folder)[0]
    path = folder.parent / "memory.json"
    for damage in ({"state": None}, {"file": {}}, {"file": 3}, {"remarks": None}):
        content = json.loads(path.read_text())
        for entry in content["files"].values():
            entry.update(damage)
        path.write_text(json.dumps(content))
        assert look(folder)[0] == expected


def test_warnings_are_told_again(tmp_path, caplog):
    (tmp_path / "files").mkdir()
    tpf(primary={"SECTOR": 1, "CAMERA": 1, "CCD": 1}, ra=84.0, dec=-80.0).write(tmp_path / "files/tpf.fits")
    told = []
    for _ in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            look(tmp_path / "files", "tpf")
        told.append([(record.name, record.getMessage()) for record in caplog.records])
    assert told[0] == told[1]
    assert any("camera 4 sees its place" in text for _, text in told[0])
