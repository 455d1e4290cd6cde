"""Files of the page: they say where they are from, keep their bytes, and tell when they are damaged."""

import os

import pytest

from photometry.core.errors import InputFileError
from photometry.io.results.listed_files import ListedFile, lost_files
from photometry.io.results.page_files import files_of_page, read_head, read_page_file, write_page_file

ORIGIN = {"software": "s", "git_revision": "a", "settings": "{}", "input_x": "--> */ sha256:1"}
LISTED = [ListedFile("report/data/a.js", 3, "d")]


@pytest.mark.parametrize("name", ["report/a.js", "report/a.css", "report/index.html"])
def test_the_first_line_says_where_a_file_is_from(tmp_path, name):
    written = write_page_file(tmp_path, name, "body\nmore\n", ORIGIN, files=LISTED, facts={"region": "--></script>"})
    head, body = read_page_file(tmp_path / name)
    assert body == "body\nmore\n"
    assert ORIGIN.items() <= head.items()
    assert head["facts"] == {"region": "--></script>"}
    assert files_of_page(tmp_path / name) == LISTED
    assert lost_files(tmp_path, [written]) == {}
    first = (tmp_path / name).read_text().splitlines()[0]
    assert first.count("*/") + first.count("-->") == 1
    assert "</script" not in first


def test_what_comes_out_the_same_keeps_bytes_and_date(tmp_path):
    first = write_page_file(tmp_path, "a.js", "body", ORIGIN)
    os.utime(tmp_path / "a.js", (1, 1))
    again = write_page_file(tmp_path, "a.js", "body", ORIGIN | {"git_revision": "b", "input_x": "other"})
    assert again == first
    assert (tmp_path / "a.js").stat().st_mtime == 1
    assert write_page_file(tmp_path, "a.js", "body", ORIGIN | {"settings": "{1}"}) != first
    assert write_page_file(tmp_path, "a.js", "other", ORIGIN) != first


def test_damage_is_found(tmp_path):
    write_page_file(tmp_path, "a.js", "body", ORIGIN)
    path = tmp_path / "a.js"
    content = path.read_bytes()
    path.write_bytes(content.replace(b"body", b"bodi"))
    with pytest.raises(InputFileError, match="SHA-256 has changed"):
        read_page_file(path)
    for spoilt in (b"", content[:20], b"\xff" + content, b"/* [] */\n", b'/* {"kind": "page"} */\n'):
        path.write_bytes(spoilt)
        with pytest.raises(InputFileError, match="first line cannot be read"):
            read_head(path)
    with pytest.raises(InputFileError, match="no such file"):
        read_head(tmp_path / "b.js")


def test_a_damaged_file_is_written_again(tmp_path):
    first = write_page_file(tmp_path, "a.js", "body", ORIGIN)
    (tmp_path / "a.js").write_bytes(b"")
    assert write_page_file(tmp_path, "a.js", "body", ORIGIN) == first
    assert read_page_file(tmp_path / "a.js")[1] == "body"
