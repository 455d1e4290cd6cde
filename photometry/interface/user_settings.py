"""Settings of the Python interface: those of the numerics with their defaults, and an INI file that changes them."""

import configparser
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from photometry.core.errors import ConfigError, MissingFileError
from photometry.core.settings import FitSettings, MotionSettings, PrfSettings

__all__ = ["SETTINGS_VARIABLE", "NumericSettings", "load_settings", "numeric_settings"]

#: Environment variable that names an INI file.
SETTINGS_VARIABLE = "TESS_PHOTOMETRY_SETTINGS"
_SECTIONS: dict[str, type] = {"fit": FitSettings, "motion": MotionSettings, "prf_learning": PrfSettings}
#: Where PRF files come from: ``model`` (built in), ``mast``, or a folder.
_PRF = {"source": "model", "downloads": "~/.cache/tess-psf-photometry/prf"}
_Settings = TypeVar("_Settings", FitSettings, MotionSettings, PrfSettings)


@dataclass(frozen=True, slots=True)
class NumericSettings:
    """The sections of the settings as the numerics take them."""

    fit: FitSettings
    motion: MotionSettings
    prf_learning: PrfSettings


def load_settings(path: str | Path | None = None) -> configparser.ConfigParser:
    """Return the settings of the Python interface.

    Parameters
    ----------
    path : path-like, optional
        INI file with what differs from the defaults [default: the one that the environment variable
        TESS_PHOTOMETRY_SETTINGS names, if any].

    Returns
    -------
    ConfigParser
        Sections ``fit``, ``motion`` and ``prf_learning`` as in the workflow's config.yaml; section ``prf`` with
        ``source``: ``model``, ``mast`` or a folder of SPOC PRF files, and ``downloads``: where files from MAST are
        kept. Every call returns a new one.

    Raises
    ------
    FileNotFoundError
        When the file is missing.
    ConfigError
        When it cannot be read, or has a section or key that is not known.

    Examples
    --------
    >>> settings = load_settings()
    >>> settings["prf"]["source"], settings["fit"].getfloat("tmag_limit")
    ('model', 16.0)
    """
    parser = configparser.ConfigParser(interpolation=None)
    parser.read_dict({name: {f.name: str(f.default) for f in fields(kind)} for name, kind in _SECTIONS.items()})
    parser.read_dict({"prf": _PRF})
    name = path or os.environ.get(SETTINGS_VARIABLE)
    if not name:
        return parser
    if not Path(name).is_file():
        raise MissingFileError(name, f"no such file of settings; correct {SETTINGS_VARIABLE} or the path")
    given = configparser.ConfigParser(interpolation=None)
    try:
        given.read(name, encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: cannot be read as an INI file ({error})") from error
    for section in given.sections():
        if section not in parser:
            raise ConfigError(f"{name}: section [{section}] is not known; known are {', '.join(parser.sections())}")
        for key, value in given[section].items():
            if key not in parser[section]:
                known = ", ".join(parser[section])
                raise ConfigError(f"{name}: key {key!r} in [{section}] is not known; known are {known}")
            parser[section][key] = value
    numeric_settings(parser, str(name))
    return parser


def numeric_settings(settings: configparser.ConfigParser, source: str = "settings") -> NumericSettings:
    """Return the settings of the numerics; ConfigError names `source`, section and key of what is no such value."""
    return NumericSettings(
        fit=_section(settings, "fit", FitSettings, source),
        motion=_section(settings, "motion", MotionSettings, source),
        prf_learning=_section(settings, "prf_learning", PrfSettings, source),
    )


def _value(section: configparser.SectionProxy, key: str, kind: type) -> Any:
    """Read a value as the type of its default."""
    if kind is bool:
        return section.getboolean(key)
    if kind is int:
        return section.getint(key)
    return section.getfloat(key) if kind is float else section[key]


def _section(settings: configparser.ConfigParser, name: str, kind: type[_Settings], source: str) -> _Settings:
    section = settings[name]
    values: dict[str, Any] = {}
    for field in fields(kind):
        try:
            values[field.name] = _value(section, field.name, type(field.default))
        except ValueError as error:
            raise ConfigError(
                f"{source}: {field.name} = {section[field.name]!r} in [{name}], expected a "
                f"{type(field.default).__name__} such as {field.default}"
            ) from error
        expected = _expected(values[field.name], field.metadata)
        if expected:
            raise ConfigError(f"{source}: {field.name} = {section[field.name]!r} in [{name}], expected {expected}")
    return kind(**values)


def _expected(value: Any, known: Mapping[str, Any]) -> str:
    """Say what a value has to be, by what is known of its setting; empty when it is."""
    if isinstance(value, float) and not math.isfinite(value):
        return "a finite number"
    if "at_least" in known and value < known["at_least"]:
        return f"at least {known['at_least']}"
    if "above" in known and value <= known["above"]:
        return f"more than {known['above']}"
    if "at_most" in known and value > known["at_most"]:
        return f"at most {known['at_most']}"
    return f"one of {', '.join(known['one_of'])}" if "one_of" in known and value not in known["one_of"] else ""
