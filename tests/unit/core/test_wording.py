import re
from pathlib import Path

import pytest

from photometry.core.wording import number_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("number", "words", "said"),
    [
        (1, ("tile",), "1 tile"),
        (2, ("tile",), "2 tiles"),
        (0, ("light curve",), "0 light curves"),
        (1, ("star is", "stars are"), "1 star is"),
        (3, ("star is", "stars are"), "3 stars are"),
    ],
)
def test_nouns_agree_with_their_numbers(number, words, said):
    assert number_of(number, *words) == said


def test_no_message_leaves_the_number_to_the_reader():
    texts = {path: path.read_text() for folder in ("photometry", "scripts") for path in (ROOT / folder).rglob("*.py")}
    found = [
        f"{path.name}: {match[0]}"
        for path, text in texts.items()
        for match in re.finditer(r"\w+\(s\) (?!readout)\w+", text)
    ]
    assert found == []
