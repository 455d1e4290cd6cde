"""A server on this machine in place of the archives, which clients know from their own settings."""

import gc
import warnings
from collections.abc import Iterator

import pytest
from archive_fields import Sky, add_sky, sky_of
from archive_stand_in import StandIn


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """The server; clients in this process speak to it."""
    from astroquery.mast import conf as mast
    from astroquery.mast.services import ServiceAPI

    from photometry.archive.service import conf

    with StandIn() as stand_in:
        # It is read from the settings when astroquery is imported, which another test may have done.
        monkeypatch.setattr(ServiceAPI, "SERVICE_URL", stand_in.url)
        with (
            mast.set_temp("server", stand_in.url),
            conf.set_temp("archive_url", stand_in.url),
            conf.set_temp("bucket_url", f"{stand_in.url}/stpubdata"),
            conf.set_temp("retry_s", 0.001),
            conf.set_temp("answer_s", 1.0),
        ):
            yield stand_in
    # The socket of a connection that broke is closed with its exception: here, not in the middle of another test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="session")
def sky() -> Sky:
    """A field in two sectors, 15x15 pixels."""
    return sky_of()


@pytest.fixture
def archive(server: StandIn, sky: Sky, tmp_path_factory: pytest.TempPathFactory) -> StandIn:
    """The server with everything of the field."""
    add_sky(server, sky, tmp_path_factory.mktemp("cutouts"))
    return server
