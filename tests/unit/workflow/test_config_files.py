"""What is lost when files of settings are read is found in their text."""

import pytest

from photometry.core.errors import ConfigError
from photometry.workflow.config_files import check_config_files

TWICE = {
    "at the top": ("output: a\nversion: 1\noutput: b\n", "key 'output' is there twice, in lines 1 and 3; keep one"),
    "in a section": ("fit:\n  tile_size: 8\n  tile_size: 9\n", "key 'tile_size' is there twice, in lines 2 and 3"),
    "a section": ("fit: {tile_size: 8}\nfit: {joint_size: 9}\n", "key 'fit' is there twice, in lines 1 and 2"),
    "in an entry": ("observations:\n- input: a\n  input: b\n", "key 'input' is there twice, in lines 2 and 3"),
    "in one line": ("fit: {tile_size: 8, tile_size: 9}\n", "key 'tile_size' is there twice, in lines 1 and 1"),
    "in quotes": ("output: a\n'output': b\n", "key 'output' is there twice, in lines 1 and 2"),
    "behind an alias": ("a: &a {b: 1, b: 2}\nc: *a\n", "key 'b' is there twice"),
    "in JSON": ('{"output": "a",\t"fit": {"tile_size": 8, "tile_size": 9}}', "key 'tile_size' is there twice in a"),
}


@pytest.mark.parametrize(("text", "message"), TWICE.values(), ids=TWICE)
def test_a_key_twice_is_refused(tmp_path, text, message):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        check_config_files([path])
    assert str(error.value).startswith(f"{path}: {message}")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "observations:\n- {input: a, prf: model}\n- {input: b, prf: model}\n",
        "base: &base {tile_size: 8}\nfit:\n  <<: *base\n  tile_size: 9\n",
        "fit: {tmag_limit: 1}\nmotion: {tmag_limit: 1}\n",
        "a0: &a0 {x: 1}\na1: &a1 {a: *a0, b: *a0}\na2: {a: *a1, b: *a1}\n",
        '{"fit": {"tile_size": 8}, "motion": {"tile_size": 8}}',
    ],
)
def test_keys_that_are_there_once_pass(tmp_path, text):
    (tmp_path / "my.yaml").write_text(text)
    check_config_files([tmp_path / "my.yaml"])


def bomb(first: str, last: str, levels: int) -> str:
    """Sections or lists of aliases of those before, ten each: 10**levels values in as many lines."""
    lines = [f"a0: &a0 {first}x: 1{last}" if first == "{" else f"a0: &a0 {first}1{last}"]
    for level in range(1, levels):
        parts = [f"k{n}: *a{level - 1}" if first == "{" else f"*a{level - 1}" for n in range(10)]
        lines.append(f"a{level}: &a{level} {first}{', '.join(parts)}{last}")
    return "\n".join(lines)


#: What has no end when its aliases are written out, or is nested too deeply to be read.
ENDLESS = {
    "sections": bomb("{", "}", 9),
    "lists": bomb("[", "]", 9),
    "many levels of sections": bomb("{", "}", 30),
    "merged": bomb("{", "}", 9).replace("a8: &a8 {", "a8: {<<: [*a7, *a7], "),
    "a section of itself": "a: &a {b: *a}\n",
    "a list of itself": "a: &a [*a]\n",
    "in keys": "? [[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]\n: 1\n",
    "deep lists": f"a: {'[' * 3000}{']' * 3000}\n",
    "deep sections": f"a: {'{a: ' * 3000}1{'}' * 3000}\n",
    "deep JSON": f'{{"a": {"[" * 100000}{"]" * 100000}}}',
}


@pytest.mark.parametrize("text", ENDLESS.values(), ids=ENDLESS)
def test_what_has_no_end_is_refused(tmp_path, text):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(ConfigError) as error:
        check_config_files([path])
    assert str(error.value).startswith(
        f"{path}: has more than 300000 values or 20 levels, its aliases (*name) written out"
    )


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_named(tmp_path, encoding):
    (tmp_path / "my.yaml").write_bytes("output: résultats\n".encode(encoding))
    with pytest.raises(ConfigError, match=r"my\.yaml: is not written in UTF-8 \(invalid .* at byte \d+\); save it so"):
        check_config_files([tmp_path / "my.yaml"])
