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
        "a: &a [*a]\n",
        '{"fit": {"tile_size": 8}, "motion": {"tile_size": 8}}',
    ],
)
def test_keys_that_are_there_once_pass(tmp_path, text):
    (tmp_path / "my.yaml").write_text(text)
    check_config_files([tmp_path / "my.yaml"])


def test_aliases_of_aliases_are_looked_at_once(tmp_path):
    lines = ["a0: &a0 [x, x]", *(f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 30))]
    (tmp_path / "my.yaml").write_text("\n".join(lines))
    check_config_files([tmp_path / "my.yaml"])


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_other_encodings_are_named(tmp_path, encoding):
    (tmp_path / "my.yaml").write_bytes("output: résultats\n".encode(encoding))
    with pytest.raises(ConfigError, match=r"my\.yaml: is not written in UTF-8 \(invalid .* at byte \d+\); save it so"):
        check_config_files([tmp_path / "my.yaml"])
