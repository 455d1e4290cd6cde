"""The collection that light curves are published in: settings of the block `hlsp`, which say nothing of the numbers.

What MAST asks of High Level Science Products (HLSP): outerspace.stsci.edu/display/MASTDOCS/Common+Metadata.
"""

from dataclasses import dataclass

from photometry.core.settings import setting

__all__ = ["NO_COLLECTION", "Collection"]

#: Value of a setting that is not given.
_NONE = "none"
#: What can stand in a header: printable ASCII.
_TEXT = "^[ -~]{1,200}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collection:
    """A collection of light curves; without an identifier there is none.

    Parameters
    ----------
    id : str
        Identifier that was agreed upon with MAST: HLSPID, and part of file names. Longer ones would make names of more
        than the 90 characters that MAST allows.
    name : str
        Title: HLSPNAME.
    lead : str
        Full name of the lead: HLSPLEAD.
    doi : str
        Digital object identifier.
    license, license_url : str
        Licence of the data: LICENSE and LICENURL.
    file_names : bool
        Whether files are named as MAST wants it.
    """

    id: str = setting(
        _NONE,
        "identifier of the collection as agreed with MAST, up to 19 lower-case letters, digits, hyphens | none "
        "(no HLSP cards)",
        like="^[a-z][a-z0-9-]{0,18}$",
    )
    name: str = setting(_NONE, "title of the collection (HLSPNAME)", like=_TEXT)
    lead: str = setting(_NONE, "full name of its lead (HLSPLEAD)", like=_TEXT)
    doi: str = setting(_NONE, "its digital object identifier, as 10.17909/t9-abcd | none", like=r"^(none|10\.[!-~]+)$")
    license: str = setting("CC BY 4.0", "licence of the data; MAST wants this one", like=_TEXT)
    license_url: str = setting("https://creativecommons.org/licenses/by/4.0/", "where it is to be read", like=_TEXT)
    file_names: bool = setting(
        False, "names of light curve files as MAST wants them (docs/products.md), in place of our own"
    )

    @property
    def exists(self) -> bool:
        """Whether the light curves belong to a collection."""
        return self.id != _NONE

    @property
    def in_names(self) -> str:
        """What file names say of it; empty where they are our own."""
        return self.id if self.file_names else ""

    @property
    def has_doi(self) -> bool:
        """Whether it has a digital object identifier."""
        return self.doi != _NONE

    def fault(self) -> str:
        """Return what is wrong with the settings; empty where nothing is."""
        if not self.exists:
            return "file_names is true, and id is none; give the collection's id" if self.file_names else ""
        missing = [key for key in ("name", "lead") if getattr(self, key) == _NONE]
        return f"{' and '.join(missing)} must be given with id, MAST requires it" if missing else ""


#: Light curves that belong to none.
NO_COLLECTION = Collection()
