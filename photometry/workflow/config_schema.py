"""JSON schema of config.yaml: what its keys mean, which values they take, their defaults.

The blocks of the numerics are made from the fields in `photometry.core.settings`, the kinds of pixels from
`photometry.core.datasources`; the keys of the workflow itself are here and nowhere else.
"""

from dataclasses import fields
from typing import Any

from photometry.core.collection import Collection
from photometry.core.datasources import DATASOURCES
from photometry.core.quality import BITMASKS
from photometry.core.settings import TMAG_LIMITS, FitSettings, MotionSettings, PrfSettings
from photometry.workflow.batches import AUTO_SIZE

__all__ = ["config_schema"]

#: JSON types of Python's.
_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}
#: JSON schema's words for what `photometry.core.settings.setting` knows.
_KEYWORDS = {
    "meaning": "description",
    "at_least": "minimum",
    "above": "exclusiveMinimum",
    "at_most": "maximum",
    "one_of": "enum",
    "like": "pattern",
}
#: What no text may contain, as no file system takes it: NUL, and characters that cannot be encoded.
_PRINTABLE = "^[^\\x00\\ud800-\\udfff]*$"


_STAR_NUMBER = {"description": "TIC number", "type": "integer", "minimum": 1, "maximum": 10**11 - 1}
_FROM_1_TO_4 = {"type": ["integer", "string"], "pattern": "^none$", "minimum": 1, "maximum": 4, "default": "none"}
_DEGREES = r"[+-]?[0-9]+(\.[0-9]*)?"


def config_schema() -> dict[str, Any]:
    """Return the schema of the settings of the workflow (JSON schema, draft 2020-12)."""
    schema = _section(
        "settings of the workflow",
        {
            "output": _text("folder of all products"),
            "version": _key("product version: part of file names and headers", int, minimum=1, maximum=99, default=1),
            "observations": _observations(),
            "ephemeris": _text(
                "place of TESS for the times of FFIs and cutouts: table of JPL Horizons | folder of SPICE kernels | "
                "earth (error up to 1.4 s)",
                default="earth",
            ),
            **_run(),
            "trends": _text(
                "what the stars of a region share is taken off CORR_FLUX: none | learn (from its quiet stars, where "
                "there are enough) | FITS file or folder of trends of this package or of SPOC (CBVs)",
                default="none",
            ),
            "motion": _block("how the movement kernel is measured", MotionSettings),
            "prf_learning": _block("how the effective PRF is learnt from the data", PrfSettings),
            "fit": _block("the joint fit of all stars of a tile", FitSettings),
            "hlsp": _block("light curves as a collection of MAST (High Level Science Products)", Collection),
            "simulate": _simulate(),
        },
        required=["output"],
    )
    schema["anyOf"] = [{"required": ["observations"]}, {"required": ["simulate"]}]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def _run() -> dict[str, Any]:
    """Return the keys of all observations that belong to no step of the numerics."""
    return {
        "quality_bitmask": {
            "description": "bits of QUALITY that make a cadence unusable for means, motion and PRF: default "
            "(docs/conventions.md) | hardest (any) | none | their sum",
            "type": ["string", "integer"],
            "pattern": f"^({'|'.join(BITMASKS)})$",
            "minimum": 0,
            "maximum": BITMASKS["hardest"],
            "default": "default",
        },
        "refresh": _key("ask MAST again for all that is kept of it", bool, default=False),
        "files_per_job": {
            "description": "pixel files that one job takes through all steps: auto (none of up to 64 files, which "
            "have a job for each step; of more up to 32) | their number, 0 for none",
            "type": ["string", "integer"],
            "pattern": f"^{AUTO_SIZE}$",
            "minimum": 0,
            "maximum": 1000,
            "default": AUTO_SIZE,
        },
        "plots": _key("draw the plots of every region", bool, default=True),
        "report": _key("make the page that one browses, report/index.html", bool, default=True),
        "coord_buffer": _key(
            "stars so far around the pixels are kept in the catalogue, deg",
            float,
            minimum=0.05,
            maximum=10,
            default=0.1,
        ),
        "catalog_tmag_limit": _key(
            "faintest star that catalog: mast and gaia ask for, Tmag; targets and stars of free flux always are",
            float,
            minimum=TMAG_LIMITS[0],
            maximum=TMAG_LIMITS[1],
            default=17.0,
        ),
    }


def _observations() -> dict[str, Any]:
    kinds = " | ".join(f"{source.name} ({source.meaning})" for source in DATASOURCES.values())
    keys = {
        "datasource": {"description": kinds, "enum": list(DATASOURCES)},
        "input": _text(
            "pixel file, or folder that is searched with all its subfolders; for full-frame images a folder | mast "
            "(what is asked for is fetched)"
        ),
        "catalog": _text(
            "star table (CSV, ECSV, FITS, VOTable; TIC's columns), catalogue SQLite | mast (TIC) | gaia (DR3)"
        ),
        "prf": _text("folder of SPOC PRF files of the CCD | model (built in) | mast"),
        "targets": {
            "description": "all: every star on the pixels | table with a column starid, ID or TIC | with input mast "
            "also a list of TIC numbers",
            "type": ["string", "array"],
            "minLength": 1,
            "pattern": _PRINTABLE,
            "items": _STAR_NUMBER,
            "minItems": 1,
            "default": "all",
        },
        "tmag_limit": _key(
            "faintest target, Tmag", float, minimum=TMAG_LIMITS[0], maximum=TMAG_LIMITS[1], default=15.0
        ),
        "first_pixel": {
            "description": "place of the first pixel of a file on the CCD: auto (its headers, else where it looks) | "
            "[row, column], 0-based, as in 287 387 in a table",
            "type": ["array", "string"],
            "pattern": "^auto$",
            "minItems": 2,
            "maxItems": 2,
            "prefixItems": [{"type": "integer"}] * 2,
            "default": "auto",
        },
    } | _of_mast()
    needed = [name for name, key in keys.items() if "default" not in key]
    return {
        "description": "what to measure: one entry for each source of pixels; or a CSV table with a row for each and "
        "these keys as columns",
        "type": ["array", "string"],
        "minItems": 1,
        "minLength": 1,
        "pattern": _PRINTABLE,
        "items": _section(f"an entry with keys {', '.join(needed)}", keys, required=needed),
    }


def _of_mast() -> dict[str, Any]:
    """Return the keys that count with `input: mast`."""
    return {
        "middle": {
            "description": "with input mast, what the cutouts are around: targets (each) | list of TIC numbers | "
            "place, RA and Dec in deg",
            "type": ["string", "array"],
            "pattern": f"^(targets|{_DEGREES}[ ,]+{_DEGREES})$",
            "items": _STAR_NUMBER,
            "minItems": 1,
            "default": "targets",
        },
        "sectors": {
            "description": "with input mast: all | list of sectors",
            "type": ["string", "array"],
            "pattern": "^all$",
            "items": _key("sector", int, minimum=1, maximum=9999),
            "minItems": 1,
            "default": "all",
        },
        "camera": _key("with input mast, of full-frame images: 1 to 4", int) | _FROM_1_TO_4,
        "ccd": _key("with input mast, of full-frame images: 1 to 4", int) | _FROM_1_TO_4,
        "most_gb": _key(
            "with input mast, most that the full-frame images of a CCD may take on disk, GB",
            float,
            minimum=0.001,
            maximum=10000,
            default=100.0,
        ),
        "cutout_size": _key(
            "with input mast, rows and columns of the cutouts, pixels", int, minimum=11, maximum=256, default=64
        ),
    }


def _simulate() -> dict[str, Any]:
    named = {
        "propertyNames": {
            "description": "a name: lower-case letters, digits, _",
            "type": "string",
            "pattern": "^[a-z0-9_]+$",
        },
        "additionalProperties": {"type": "object"},
        "default": {},
    }
    keys = {
        "folder": _text("folder of the simulated files, relative to the working directory"),
        "prf": _text(
            "PRF of the simulated stars, model for the built-in one, or a folder of SPOC PRF files", default="model"
        ),
        "scenes": {
            "description": "settings of each scene by its name, see photometry/simulate/scene_settings.py",
            "type": "object",
        }
        | named,
        "ccds": {
            "description": "settings of each CCD by its name, see photometry/simulate/ccd_settings.py",
            "type": "object",
        }
        | named,
    }
    meaning = "simulated fields and CCDs with known truth, each written as pixel files, star table and truth"
    return _section(meaning, keys, required=["folder"])


def _key(meaning: str, kind: type, **more: Any) -> dict[str, Any]:
    return {"description": meaning, "type": _TYPES[kind]} | more


def _text(meaning: str, **more: Any) -> dict[str, Any]:
    return _key(meaning, str, minLength=1, pattern=_PRINTABLE, **more)


def _section(meaning: str, keys: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return the schema of a section that has these keys and no others."""
    return {"description": meaning, "type": "object", "additionalProperties": False, "properties": keys} | more


def _block(meaning: str, kind: type) -> dict[str, Any]:
    """Return the schema of a block whose keys are the fields of a dataclass of settings."""
    keys = {}
    for field in fields(kind):
        known = {word: field.metadata[name] for name, word in _KEYWORDS.items() if name in field.metadata}
        if "enum" in known:
            known["enum"] = list(known["enum"])
        else:
            known["type"] = _TYPES[type(field.default)]
        keys[field.name] = known | {"default": field.default}
    return _section(meaning, keys, default={})
