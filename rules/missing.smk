"""When a run ends with failed jobs: what there is, and why the rest is missing, summary_v01_incomplete.ecsv.

The summary itself needs all tiles: one that was made of some of them would later be taken for whole.
"""

import sys

from photometry.io.incomplete import incomplete_name, write_incomplete


onsuccess:
    incomplete_name(config["output"], config["version"]).unlink(missing_ok=True)


onerror:
    try:
        missing = write_incomplete(REGIONS, config["output"], config["version"])
    except PhotometryError as error:
        raise WorkflowError(str(error)) from None
    for name, reason in list(missing.items())[:20]:
        print(f"Missing: {name}: {reason}", file=sys.stderr)
    if missing:
        name = incomplete_name(config["output"], config["version"])
        print(
            f"{len(missing)} regions or tiles are missing: {name}", file=sys.stderr
        )
