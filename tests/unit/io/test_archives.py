"""Files that are one file in object storage."""

import os
from pathlib import Path

from photometry.io.store.archives import pack, unpack


def test_archives_depend_on_names_and_contents_alone(tmp_path: Path):
    names = ["b/two.txt", "a/one.txt"]
    for folder, date in ((tmp_path / "first", 1e9), (tmp_path / "second", 1.5e9)):
        for name in names:
            path = folder / name
            path.parent.mkdir(parents=True)
            path.write_text(name)
            os.utime(path, (date, date))
        (folder / "a/other.txt").write_text("is not named")
    pack(tmp_path / "first.tar", tmp_path / "first", names)
    pack(tmp_path / "second.tar", tmp_path / "second", reversed(names))
    assert (tmp_path / "first.tar").read_bytes() == (tmp_path / "second.tar").read_bytes()
    unpack([tmp_path / "first.tar"], tmp_path / "third")
    found = {
        str(path.relative_to(tmp_path / "third")): path.read_text() for path in (tmp_path / "third").rglob("*.txt")
    }
    assert found == {name: name for name in names}


def test_nothing_to_pack_is_an_archive_of_nothing(tmp_path: Path):
    pack(tmp_path / "none.tar", tmp_path, [])
    unpack([tmp_path / "none.tar"], tmp_path / "folder")
    assert not (tmp_path / "folder").exists()
