"""Archives beside FITS files: TESScut answers with one, which has to be unpacked."""

from pathlib import Path

__all__ = ["packed_files"]

_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz")


def packed_files(folder: str | Path) -> str:
    """Return a part of a message that names the archives in a folder and its subfolders; empty when there is none."""
    found = sorted(path for path in Path(folder).rglob("*") if path.name.lower().endswith(_ENDINGS) and path.is_file())
    if not found:
        return ""
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{found[0].relative_to(folder)}{more} is an archive, which is not read: unpack it; "
