"""Real pixels and simulated fields of other code, measured with the default settings, beside what is wanted.

    python -m benchmarks.real --data ../shared/data --field s19 gj1243
    python -m benchmarks.real --file cutout.fits --stars stars.csv --prf folder

The second form compares any cutout with a plain least-squares fit of its pixels.
"""

import argparse
from pathlib import Path

from benchmarks.cutouts import measure_cutout, read_cutout
from benchmarks.given_fields import GIVEN, given_lines
from benchmarks.plain_fit import plain_fit
from benchmarks.real_fields import FIELDS, cutout_numbers, lines_of

__all__ = ["main"]

#: Stands for all simulated fields.
_SIMULATED = "simulated"


def _of_file(options: argparse.Namespace) -> list[str]:
    """Compare a pixel file with the plain fit."""
    cube, stars, prf = read_cutout(options.file, options.stars, options.prf, options.datasource)
    cutout = measure_cutout(cube, stars, prf)
    return lines_of(cutout, cutout_numbers(cutout, plain_fit(cube, stars, prf)))


def _print(title: str, lines: list[str]) -> None:
    print(f"\n{title}")
    print("\n".join(lines), flush=True)


def main(argv: list[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder of the real data")
    fields = [*FIELDS, _SIMULATED, *(f"{_SIMULATED}/{name}" for name in GIVEN)]
    parser.add_argument("--field", nargs="+", choices=fields, default=[*FIELDS, _SIMULATED])
    parser.add_argument("--file", type=Path, help="measure this pixel file in place of the fields")
    parser.add_argument("--stars", type=Path, help="its star table")
    parser.add_argument("--prf", help="its PRF: folder of SPOC files, or model (default)", default="model")
    parser.add_argument("--datasource", choices=["tesscut", "tpf"], default="tesscut", help="kind of --file")
    options = parser.parse_args(argv)
    if options.file is not None:
        _print(options.file.name, _of_file(options))
        return
    for field in options.field:
        if field in FIELDS:
            _print(field, FIELDS[field](options.data))
            continue
        for name in GIVEN if field == _SIMULATED else [field.removeprefix(f"{_SIMULATED}/")]:
            _print(f"{_SIMULATED}/{name}", given_lines(options.data, name))


if __name__ == "__main__":
    main()
