"""HTML of the page: nothing comes from a network, nothing from a file is taken for HTML."""

import re

import numpy as np

from photometry.pages.documents import FLAGS, bokeh_code, code_digest, index_document, own_code, target_document

ODD = '</title></script><img src=x onerror="alert(1)">'


def run(title="a run"):
    return {"title": title, "status": {"OK": 1}, "regions": [], "pages": [], "flags": FLAGS, "own_pages": []}


def test_the_page_names_no_other_place():
    text = index_document(run(), "code") + "".join(own_code().values())
    assert not re.search(r"(https?:)?//(?!www\.w3\.org)[a-z]+\.[a-z]", text)
    assert re.findall(r'<script src="([^"]+)"', text)[0] == "code/bokeh.js"
    assert set(re.findall(r'(?:src|href)="code/([^"]+)"', text)) == {"bokeh.js", *own_code()}


def test_odd_names_are_escaped():
    text = index_document(run(ODD), "code")
    assert ODD not in text
    assert "<img" not in text
    assert "&lt;/title&gt;" in text
    alone = target_document({"title": ODD, "rows": {}, "regions": [], "flags": FLAGS}, {f"tile/{ODD}": {"a": ODD}})
    assert "<img" not in alone
    assert alone.count("<script") == alone.count("</script>")


def test_a_page_of_a_target_needs_no_other_file():
    text = target_document({"title": "TIC 1", "rows": {}, "regions": [], "flags": FLAGS}, {})
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert len(text) < len(bokeh_code())


def test_pages_have_the_same_bytes():
    assert index_document(run(), "code") == index_document(run(), "code")
    assert "bokeh" in bokeh_code().lower()
    assert code_digest() == code_digest()


def test_own_code_has_no_dates_and_no_chance():
    text = "".join(own_code().values())
    assert not re.search(r"Date\(|Math\.random|innerHTML|eval\(", text)


def test_bits_have_words():
    assert all(
        np.log2(value) % 1 == 0 and name and meaning for flags in FLAGS.values() for value, name, meaning in flags
    )
