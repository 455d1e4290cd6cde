import copy

import pytest

from photometry.core.errors import ConfigError
from photometry.workflow.config import checked_config, with_defaults

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["output"],
    "properties": {
        "output": {"type": "string", "description": "folder of all products"},
        "version": {"type": "integer", "minimum": 1, "default": 1, "description": "product version"},
        "fit": {
            "type": "object",
            "additionalProperties": False,
            "default": {},
            "properties": {"size": {"type": "integer", "default": 64, "description": "pixels"}},
        },
        "observations": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["input"],
                "properties": {
                    "input": {"type": "string", "description": "pixel file"},
                    "datasource": {"enum": ["tesscut", "tpf"], "default": "tesscut"},
                },
            },
        },
    },
}


def test_defaults_are_filled_at_every_level_without_changing_the_input():
    given = {"output": "results", "observations": [{"input": "a"}]}
    before = copy.deepcopy(given)
    assert checked_config(given, SCHEMA, "my.yaml") == {
        "output": "results",
        "version": 1,
        "fit": {"size": 64},
        "observations": [{"input": "a", "datasource": "tesscut"}],
    }
    assert given == before


def test_defaults_are_copies():
    schema = {"properties": {"list": {"default": []}}}
    with_defaults(schema, {})["list"].append(1)
    assert with_defaults(schema, {}) == {"list": []}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outptu": "x"}, "my.yaml: key 'outptu' is not known; did you mean 'output'?"),
        ({"zebra": 1}, "my.yaml: key 'zebra' is not known; known are output, version, fit, observations"),
        ({"version": "one"}, r"my.yaml: version: 'one' cannot be used, expected a whole number \(product version\)"),
        ({"version": 0}, "my.yaml: version: 0 cannot be used, expected at least 1"),
        ({"fit": {"sise": 1}}, "my.yaml: fit: key 'sise' is not known; did you mean 'size'?"),
        ({"observations": {}}, "my.yaml: observations: {} cannot be used, expected a list"),
        (
            {"observations": [{"input": "a"}, {}]},
            "my.yaml: observations, entry 2: key 'input' is missing; add it: pixel file",
        ),
        (
            {"observations": [{"input": "a", "datasource": "kepler"}]},
            "my.yaml: observations, entry 1, datasource: 'kepler' cannot be used, expected one of tesscut, tpf",
        ),
    ],
)
def test_message_names_file_key_and_what_to_do(change, message):
    with pytest.raises(ConfigError, match=message):
        checked_config({"output": "results"} | change, SCHEMA, "my.yaml")


def test_missing_key_says_what_it_is():
    with pytest.raises(ConfigError, match=r"my.yaml: key 'output' is missing; add it: folder of all products"):
        checked_config({}, SCHEMA, "my.yaml")


def test_one_of_several_keys_is_needed():
    schema = {
        "properties": {"a": {"description": "what a is"}, "b": {}},
        "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
    }
    assert checked_config({"b": 1}, schema, "my.yaml") == {"b": 1}
    with pytest.raises(ConfigError, match=r"my.yaml: key 'a' is missing; add it \(or 'b'\): what a is"):
        checked_config({}, schema, "my.yaml")


def bomb(levels: int, of: type) -> object:
    """A value of ten to the power of `levels` others, which takes no more memory than a hundred."""
    value: object = "x"
    for _ in range(levels):
        value = [value] * 10 if of is list else dict.fromkeys("abcdefghij", value)
    return value


@pytest.mark.parametrize("of", [list, dict])
@pytest.mark.parametrize("key", ["output", "fit", "zebra", "observations"])
def test_values_without_end_are_refused_at_once(key, of):
    with pytest.raises(ConfigError, match=r"my\.yaml: has more than 300000 values or 20 levels, its aliases"):
        checked_config({"output": "results"} | {key: bomb(12, of)}, SCHEMA, "my.yaml")


def test_a_list_that_holds_itself_is_refused():
    endless: list = []
    endless.append(endless)
    with pytest.raises(ConfigError, match=r"my\.yaml: has more than 300000 values or 20 levels"):
        checked_config({"output": endless}, SCHEMA, "my.yaml")


def test_long_values_are_shortened_in_messages():
    for value in ("x" * 100_000, bomb(5, list), bomb(5, dict)):
        with pytest.raises(ConfigError) as error:
            checked_config({"output": "results", "version": value}, SCHEMA, "my.yaml")
        assert len(str(error.value)) < 2000
