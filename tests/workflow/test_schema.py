"""The settings: the schema is valid, config.yaml shows all of it, the numerics have the same defaults."""

import math
import re
from dataclasses import asdict, fields
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from photometry import load_settings
from photometry.core.datasources import DATASOURCES
from photometry.core.errors import ConfigError
from photometry.core.settings import FitSettings, MotionSettings, PrfSettings
from photometry.interface.user_settings import numeric_settings
from photometry.workflow.config import checked_config, with_defaults
from photometry.workflow.config_schema import config_schema

ROOT = Path(__file__).resolve().parents[2]
BLOCKS = {"motion": MotionSettings, "prf_learning": PrfSettings, "fit": FitSettings}


@pytest.fixture(scope="module")
def schema() -> dict:
    return config_schema()


def parts(schema: dict, place: str = "config"):
    """Yield every part of a schema with its place."""
    yield place, schema
    for key, part in schema.get("properties", {}).items():
        yield from parts(part, f"{place}.{key}")
    if "items" in schema:
        yield from parts(schema["items"], f"{place}[]")


def test_schema_is_valid(schema):
    Draft202012Validator.check_schema(schema)


def test_every_level_is_closed_and_every_key_described(schema):
    for place, part in parts(schema):
        assert part.get("description"), place
        if part.get("type") == "object" and "properties" in part:
            assert part.get("additionalProperties") is False, place


def test_config_file_shows_every_key_with_its_default(schema):
    shown = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert checked_config(shown, schema, "config.yaml") == shown
    observation = schema["properties"]["observations"]["items"]
    assert set(shown["observations"][0]) == set(observation["properties"])
    assert set(shown) == set(schema["properties"]) - {"simulate"}
    only_needed = {key: shown[key] for key in ("output", "observations")}
    only_needed["observations"] = [{key: shown["observations"][0][key] for key in observation["required"]}]
    assert with_defaults(schema, only_needed) == shown


def test_every_line_of_the_config_file_has_a_comment():
    for line in (ROOT / "config.yaml").read_text().splitlines():
        assert not line.strip() or "#" in line, line


def test_comments_of_the_config_file_are_what_the_schema_says(schema):
    shown, at = {}, schema
    for line in (ROOT / "config.yaml").read_text().splitlines():
        if match := re.fullmatch(r"( *)(?:- )?(\w+):[^#]*# (.*)", line):
            at = at if match[1] else schema
            key = at["properties"][match[2]]
            shown[id(key)] = match[3]
            assert match[3] == key["description"], line
            at = key.get("items", key) if "properties" in key.get("items", key) else at
    keys = [
        key
        for place, key in parts(schema)
        if "simulate" not in place and place != "config" and not place.endswith("[]")
    ]
    assert set(shown) == {id(key) for key in keys}


@pytest.mark.parametrize("section", BLOCKS)
def test_numerics_have_the_same_defaults(schema, section):
    assert with_defaults(schema["properties"][section], {}) == asdict(BLOCKS[section]())


@pytest.mark.parametrize("kind", BLOCKS.values(), ids=BLOCKS)
def test_every_setting_of_the_numerics_has_a_meaning_with_its_unit_and_a_range_or_none(kind):
    for field in fields(kind):
        known = field.metadata
        assert set(known) <= {"meaning", "unit", "at_least", "above", "at_most", "one_of"}, field.name
        assert known["unit"] in known["meaning"], field.name
        assert type(field.default) is field.type, field.name
        assert "one_of" not in known or field.default in known["one_of"], field.name
        assert "at_least" not in known or field.default >= known["at_least"], field.name
        assert "above" not in known or field.default > known["above"], field.name
        assert "at_most" not in known or field.default <= known["at_most"], field.name


def test_kinds_of_pixels_are_those_of_the_registry(schema):
    key = schema["properties"]["observations"]["items"]["properties"]["datasource"]
    assert key["enum"] == list(DATASOURCES)
    assert all(source.meaning in key["description"] for source in DATASOURCES.values())


#: A value that each keyword of the schema forbids, one that it allows.
BORDERS = {
    "minimum": lambda limit: (limit - 1, limit),
    "exclusiveMinimum": lambda limit: (limit, limit + 0.01),
    "maximum": lambda limit: (limit + 1, limit),
    "enum": lambda words: ("nonsense", words[-1]),
}


def test_workflow_and_python_interface_have_the_same_limits(schema):
    checked = 0
    for section in BLOCKS:
        for key, rule in schema["properties"][section]["properties"].items():
            for keyword in BORDERS.keys() & rule.keys():
                wrong, right = BORDERS[keyword](rule[keyword])
                base = {"output": "results", "observations": "table.csv"}
                assert checked_config(base | {section: {key: right}}, schema, "my.yaml")[section][key] == right
                with pytest.raises(ConfigError, match=key):
                    checked_config(base | {section: {key: wrong}}, schema, "my.yaml")
                settings = load_settings()
                settings[section][key] = str(right)
                assert getattr(getattr(numeric_settings(settings), section), key) == right
                settings[section][key] = str(wrong)
                with pytest.raises(ConfigError, match=key):
                    numeric_settings(settings)
                checked += 1
    assert checked == 29


def test_every_number_has_a_range_and_every_text_can_name_a_file(schema):
    for place, part in parts(schema):
        if part.get("type") in ("number", "integer"):
            assert math.isfinite(part["maximum"]), place
            assert "minimum" in part or "exclusiveMinimum" in part, place
        if "string" in part.get("type", ""):
            assert "pattern" in part, place


NO_NUMBERS = (math.nan, math.inf, -math.inf, 1e300, -1e300, 10**20, -(10**20), 10**400, 16**5000)


@pytest.mark.parametrize("number", NO_NUMBERS, ids=range(len(NO_NUMBERS)))
def test_no_number_that_is_none_passes(schema, number):
    base = {"output": "results", "observations": [{"datasource": "tpf", "input": "a", "catalog": "b", "prf": "model"}]}
    for place, part in parts(schema):
        if part.get("type") in ("number", "integer"):
            names = place.split(".")[1:]
            given = [number] if names[-1].endswith("[]") else number
            names[-1] = names[-1].removesuffix("[]")
            if names[0] == "observations[]":
                config = base | {"observations": [base["observations"][0] | {names[1]: given}]}
            else:
                config = base | ({names[0]: number} if len(names) == 1 else {names[0]: {names[1]: number}})
            with pytest.raises(ConfigError, match=rf"my\.yaml: .*{names[-1]}(, entry 1)?: .* cannot be used"):
                checked_config(config, schema, "my.yaml")


def test_whole_numbers_are_whole(schema):
    base = {"output": "results", "observations": "table.csv"}
    settings = checked_config(base | {"version": 2.0, "fit": {"tile_size": 64.0}}, schema, "my.yaml")
    assert [type(value) for value in (settings["version"], settings["fit"]["tile_size"])] == [int, int]


@pytest.mark.parametrize("text", ["a\0b", "\ud800"])
def test_texts_that_name_no_file(schema, text):
    with pytest.raises(ConfigError, match=r"my\.yaml: output: .* cannot be used, expected a text like"):
        checked_config({"output": text, "observations": "table.csv"}, schema, "my.yaml")


@pytest.mark.parametrize("path", sorted((ROOT / "demo").glob("*.yaml")), ids=lambda path: path.name)
def test_demo_settings_pass(schema, path):
    checked_config(yaml.safe_load(path.read_text()), schema, path.name)
