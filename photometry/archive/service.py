"""How archives are spoken to: their addresses, and sessions that neither wait forever nor give up at once.

Addresses and patience are settings of astropy's kind: the section `[archive]` of `photometry.cfg` in astropy's
configuration folder, beside `astroquery.cfg`, whose section `[mast]` has the address of MAST's services (`server`).
"""

import logging
import time
from collections.abc import Callable
from typing import Any, TypeVar

import requests
from astropy.config import ConfigItem, ConfigNamespace
from requests.adapters import HTTPAdapter

from photometry.core.errors import ArchiveError

__all__ = ["asked", "conf", "mast_server", "patient"]

_Result = TypeVar("_Result")
#: urllib3's words for a name that is not known and a machine that cannot be reached, also in other libraries' messages.
_NO_WAY = ("NameResolutionError", "NewConnectionError", "Failed to resolve", "Failed to establish a new connection")

#: Characters of what a server or library says in a message.
_MOST_OF_REASON = 300


def _item(default: str | float, meaning: str) -> ConfigItem:
    """Return a setting, which is in the section `[archive]` of the file."""
    return ConfigItem(default, meaning, module="photometry.archive")


class _Conf(ConfigNamespace):  # type: ignore[misc]  # astropy has no types
    """Addresses and patience."""

    rootname = "photometry"
    archive_url = _item("https://archive.stsci.edu", "MAST's file server: PRF files, lists of files.")
    bucket_url = _item("https://stpubdata.s3.amazonaws.com", "MAST's public bucket: full-frame images, pixel files.")
    gaia_url = _item("https://gea.esac.esa.int/tap-server/tap", "Table service of the Gaia archive.")
    connect_s = _item(20.0, "Seconds to wait for a connection.")
    answer_s = _item(300.0, "Seconds to wait for an answer, and between two parts of it.")
    job_s = _item(1800.0, "Seconds to wait for a job of a table service, in its queue and at work.")
    n_retry = _item(4, "How often a request is made again when the server is busy or the connection breaks.")
    retry_s = _item(2.0, "Seconds before the second try; twice as many before each other one.")


conf = _Conf()
_log = logging.getLogger(__name__)


class _PatientAdapter(HTTPAdapter):
    """Gives every request a time limit, which neither requests nor astroquery do by themselves."""

    def send(self, request: requests.PreparedRequest, *args: Any, **settings: Any) -> requests.Response:
        if settings.get("timeout") is None:
            settings["timeout"] = (conf.connect_s, conf.answer_s)
        return super().send(request, *args, **settings)


def patient(session: requests.Session) -> requests.Session:
    """Give a session, also one of astroquery's, time limits; return it."""
    for scheme in ("http://", "https://"):
        session.mount(scheme, _PatientAdapter())
    return session


def mast_server() -> str:
    """Return the address of MAST's services, as astroquery's settings have it."""
    from astroquery.mast import conf as mast

    return str(mast.server).rstrip("/")


def asked(
    ask: Callable[[], _Result], what: str, remedy: str, *also: type[Exception], final: tuple[type[Exception], ...] = ()
) -> _Result:
    """Ask an archive, several times where it is busy, the connection breaks or the answer cannot be read.

    Parameters
    ----------
    ask : function
        Asks and reads the answer.
    what : str
        Who is asked for what.
    remedy : str
        What the user can do.
    *also : type
        Exceptions of a library that mean a failure of the service, beside those of the network and of unusable answers.
    final : tuple of type
        Those of them after which no second try helps.

    Raises
    ------
    ArchiveError
        In place of these exceptions, of the last try: what was asked for, what happened, what to do.
    """
    # All of requests' exceptions are OSErrors; ValueErrors are answers that cannot be read.
    failures: tuple[type[Exception], ...] = (OSError, ValueError, *also, *final)
    for attempt in range(conf.n_retry + 1):
        try:
            return ask()
        except failures as error:
            if attempt == conf.n_retry or isinstance(error, final) or _is_refused(error):
                reason = " ".join(str(error).split()) or type(error).__name__
                raise ArchiveError(f"{what}: {reason[:_MOST_OF_REASON]}; {remedy}") from error
            seconds = conf.retry_s * 2**attempt
            _log.info("%s: %s; once more in %.3g s", what, type(error).__name__, seconds)
            time.sleep(seconds)
    raise AssertionError("the last try returns or raises")


def _is_refused(error: Exception) -> bool:
    """Tell whether there is no way to the server, or it says that the question is wrong."""
    if any(name in str(error) for name in _NO_WAY):
        return True
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return 400 <= status < 500 and status != requests.codes.too_many_requests
