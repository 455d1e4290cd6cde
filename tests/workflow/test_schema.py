"""The settings: the schema is valid, config.yaml shows all of it, the numerics have the same defaults."""

from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from photometry.core.settings import FitSettings, MotionSettings, PrfSettings
from photometry.interface.user_settings import ABOVE, AT_LEAST, ONE_OF
from photometry.workflow.config import checked_config, with_defaults

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def schema() -> dict:
    return yaml.safe_load((ROOT / "rules/schemas/config.schema.yaml").read_text())


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


@pytest.mark.parametrize(
    ("section", "settings"), [("motion", MotionSettings()), ("prf_learning", PrfSettings()), ("fit", FitSettings())]
)
def test_numerics_have_the_same_defaults(schema, section, settings):
    assert with_defaults(schema["properties"][section], {}) == asdict(settings)


def test_the_python_interface_has_the_same_limits(schema):
    for limits, keyword in ((AT_LEAST, "minimum"), (ABOVE, "exclusiveMinimum"), (ONE_OF, "enum")):
        wanted = {
            (section, key): tuple(rule[keyword]) if keyword == "enum" else rule[keyword]
            for section in ("motion", "prf_learning", "fit")
            for key, rule in schema["properties"][section]["properties"].items()
            if keyword in rule
        }
        assert limits == wanted


@pytest.mark.parametrize("path", sorted((ROOT / "demo").glob("*.yaml")), ids=lambda path: path.name)
def test_demo_settings_pass(schema, path):
    checked_config(yaml.safe_load(path.read_text()), schema, path.name)
