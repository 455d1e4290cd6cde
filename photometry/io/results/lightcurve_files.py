"""Light curve files: one FITS file per target, written only when its content differs from what is there.

A file holds nothing that depends on when or where it was written, so equal content means equal bytes.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.table import Table

from photometry.catalog.star_catalog import Catalog
from photometry.core.collection import NO_COLLECTION, Collection
from photometry.core.cube import CubeHeader
from photometry.core.stars import star_name
from photometry.core.status import MEASURED, STATUS
from photometry.fit.tile_fit import TileFit
from photometry.io.fits.fits_bytes import CardItem, cards, hdu, image_cards, table_cards
from photometry.io.results.lightcurve_cards import (
    EXTENSION,
    PRIMARY_START,
    SUMIMAGE,
    TargetMetadata,
    collection_cards,
    exposure_cards,
    flux_cards,
    known_cards,
    observation_cards,
    physical_cards,
    result_cards,
    span_cards,
    star_numbers,
    target_cards,
    target_metadata,
    time_cards,
)
from photometry.io.store.kept_files import write_if_different
from photometry.io.store.provenance import digest_of_settings
from photometry.io.store.revision import git_revision
from photometry.io.store.tables import results_table
from photometry.lightcurve import columns
from photometry.lightcurve.corrections import NOT_ASKED_FOR, Correction, StarCorrection, corrected
from photometry.lightcurve.light_curve import (
    LightCurve,
    light_curve,
    statuses,
    with_star_time,
)
from photometry.lightcurve.metrics import Metrics, light_curve_metrics
from photometry.lightcurve.names import light_curve_name
from photometry.trends.corrected_fluxes import CorrectedFluxes

__all__ = ["FOLDER", "REGION_KEY", "FitMetadata", "LightCurveWriter", "corrections_of", "export_tile"]

#: Folder of the light curves below the output folder.
FOLDER = "lightcurves"
#: Stars whose light curves are put together before they are written: what their dates take is shared; fewer, at least
#: the second number, of so many cadences that there are more values, which bounds the memory.
_MOST_AT_ONCE, _FEWEST_AT_ONCE = 256, 16
_VALUES_AT_ONCE = 500_000
#: Card of the region that a light curve was measured in.
REGION_KEY = "REGION"


class FitMetadata(Protocol):
    """What every light curve says of the fit; see `photometry.fit.tile_fit.TileFit`."""

    @property
    def prf_source(self) -> str: ...  # noqa: D102
    @property
    def fit_tmag_limit(self) -> float: ...  # noqa: D102


class FittedStars(FitMetadata, Protocol):
    """Fit of a tile, of which some stars at a time are in memory.

    `photometry.fit.tile_fit.TileFit`, or `photometry.io.products.tile_files.StoredTileFit`.
    """

    @property
    def starid(self) -> npt.NDArray[np.int64]: ...
    def of_stars(self, which: npt.NDArray[np.int64]) -> TileFit: ...


class LightCurveWriter:
    """Turns light curves of one tile into the bytes of their files; what they share is formatted once.

    Parameters
    ----------
    fit : FitMetadata
        The fit that the light curves come from.
    header : CubeHeader
        Header of the cube that was fitted.
    version : int
        Version of the product.
    inputs : mapping of str to str
        Names and digests of the files that every light curve depends on, by role.
    extra : sequence of CardItem
        More cards of the primary header.
    settings : mapping of str to object
        Settings that the fit was made with; the header has their digest.
    collection : Collection
        Collection that the files belong to.
    """

    def __init__(
        self,
        fit: FitMetadata,
        header: CubeHeader,
        version: int,
        inputs: Mapping[str, str],
        extra: Sequence[CardItem] = (),
        settings: Mapping[str, Any] | None = None,
        collection: Collection = NO_COLLECTION,
    ) -> None:
        wcs = fits.Header.fromstring(header.wcs_header)
        self._reference_pixel = float(wcs["CRPIX1"]), float(wcs["CRPIX2"])
        elsewhere = {"CRPIX1", "CRPIX2", "RADESYS", "EQUINOX"}
        self._wcs = "".join(str(card) for card in wcs.cards if card.keyword not in elsewhere).encode("ascii")
        self._cadence_s = header.exposure.cadence_s
        self._start, self._observation = cards(PRIMARY_START), cards(observation_cards(header, version))
        self._collection = collection
        self._collected = cards(collection_cards(collection, version))
        of_fit: list[CardItem] = [
            ("PRFSRC", fit.prf_source, "source of the PRF"),
            ("FITLIM", float(fit.fit_tmag_limit), "[mag] faintest star with a free flux"),
        ]
        self._origin = cards(
            [
                *known_cards(of_fit),
                ("GITREV", git_revision(), "revision of the software"),
                *([("SETTINGS", digest_of_settings(settings), "SHA-256")] if settings else []),
                *((f"INPUT{number}", f"{role} {name}", "") for number, (role, name) in enumerate(inputs.items(), 1)),
                *extra,
            ]
        )
        row = columns.row_dtype()
        described = [(item.name, item.unit, item.display, item.comment) for item in columns.LIGHT_CURVE_COLUMNS]
        self._extension = cards(EXTENSION)
        self._table = (
            table_cards("LIGHTCURVE", row, described, len(header.time), columns.UNIT_COMMENTS) + self._extension
        )
        self._exposure = cards([*time_cards(header), *exposure_cards(header)])
        self._comments = cards(flux_cards())
        self._rows = np.zeros(len(header.time), dtype=row)

    def file_contents(self, curves: Sequence[LightCurve], metadata: Sequence[TargetMetadata]) -> Iterator[bytes]:
        """Give the bytes of the files of light curves."""
        if not curves:
            return
        # Times of full-frame images are each star's own.
        spans = span_cards(np.array([curve.time[[0, -1]] for curve in curves]), self._cadence_s)
        for curve, of_target, (*span, elapsed) in zip(curves, metadata, spans, strict=True):
            yield self._file_content(curve, of_target, cards(span), cards([elapsed]))

    def _file_content(self, curve: LightCurve, metadata: TargetMetadata, span: bytes, elapsed: bytes) -> bytes:
        target = cards(target_cards(curve.starid, metadata))
        results = cards(result_cards(metadata)) + self._collection_of(curve.starid)
        place = self._extension + target + self._wcs + cards(physical_cards(curve.stamp, self._reference_pixel))
        sum_image = image_cards("SUMIMAGE", curve.sum_image) + cards(SUMIMAGE) + place
        return b"".join(
            (
                hdu(self._start + span + self._observation + target + results + self._origin),
                hdu(self._table + span + elapsed + self._exposure + target + self._comments, self._table_data(curve)),
                hdu(sum_image, curve.sum_image.astype(">f4").tobytes()),
                hdu(image_cards("APERTURE", curve.aperture) + place, curve.aperture.astype(">i4").tobytes()),
            )
        )

    def _collection_of(self, starid: int) -> bytes:
        """Cards of the collection that the files belong to."""
        if not self._collection.exists:
            return b""
        return self._collected + cards([("HLSPTARG", star_name(starid), "target")])

    def _table_data(self, curve: LightCurve) -> bytes:
        """Bytes of the table."""
        for column in columns.LIGHT_CURVE_COLUMNS:
            self._rows[column.name] = column.values(curve)
        return self._rows.tobytes()


def export_tile(
    fit: FittedStars,
    header: CubeHeader,
    targets: npt.NDArray[np.int64],
    catalog: Catalog,
    output: str | Path,
    version: int,
    region: str,
    tile: str,
    inputs: Mapping[str, str],
    settings: Mapping[str, Any] | None = None,
    collection: Collection = NO_COLLECTION,
    correction: Correction = NOT_ASKED_FOR,
) -> Table:
    """Correct the light curves of the targets of a tile, write them, and return the index of the tile.

    Parameters
    ----------
    fit : FittedStars
        Fluxes of the tile's stars.
    header : CubeHeader
        Header of the cube.
    targets : (n_target,) int64
        TIC numbers of the targets of this tile (`TargetList.of_tile`).
    catalog : Catalog
        Catalogue that holds the targets.
    output : path-like
        Output folder; the files go into its folder `FOLDER`. Existing files with the same content are left alone
        (`photometry.io.store.kept_files`).
    version : int
        Version of the product.
    region, tile : str
        Names of region and tile, for the index.
    inputs : mapping of str to str
        Names and digests (``name sha256:...``) by role. Only files that every light curve of the region depends on, as
        the pixels and the PRF.
    settings : mapping of str to object
        Settings that the fit was made with.
    collection : Collection
        Collection that the light curves belong to.
    correction : Correction
        What makes corrected fluxes of those that were measured.

    Returns
    -------
    Table
        Index: a row for every target with status, reason, metrics, path below `output`, size and SHA-256 of the file.
    """
    chosen = np.flatnonzero(np.isin(catalog.starid, targets))
    entries = dict(zip(catalog.starid[chosen].tolist(), chosen.tolist(), strict=True))
    rows: dict[int, dict[str, object]] = {}
    for starid in np.sort(targets).tolist():
        tmag = float(catalog.tmag[entries[starid]])
        rows[starid] = {"starid": starid, "region": region, "tile": tile, "tmag": tmag}
        rows[starid] |= _not_fitted(tmag, fit.fit_tmag_limit)
    writer = LightCurveWriter(fit, header, version, inputs, [(REGION_KEY, region, "")], settings, collection)
    seen = header.pointing, header.exposure.cadence_s
    fitted = np.flatnonzero(np.isin(fit.starid, targets))
    at_once = min(max(_VALUES_AT_ONCE // header.n_cadence, _FEWEST_AT_ONCE), _MOST_AT_ONCE)
    for start in range(0, len(fitted), at_once):
        some = fit.of_stars(fitted[start : start + at_once])
        found, contents = _light_curves(some, header, catalog, entries, correction, writer)
        for starid, of_star in found.items():
            rows[starid] |= of_star
        for starid, content in contents:
            name = light_curve_name(starid, *seen, version, collection.in_names)
            rows[starid] |= _written(output, f"{FOLDER}/{name}", content)
    index = results_table(list(rows.values()), *seen)
    index.meta |= {"SIMULATD": True} if header.pointing.is_simulated else {}
    return index


def _light_curves(
    fit: TileFit,
    header: CubeHeader,
    catalog: Catalog,
    entries: Mapping[int, int],
    correction: Correction,
    writer: LightCurveWriter,
) -> tuple[dict[int, dict[str, object]], Iterator[tuple[int, bytes]]]:
    """Return columns of the index, and the files of those that were measured, by TIC number, of some stars.

    `entries` are their places in the catalogue.
    """
    fluxes = corrected(fit, header, correction)
    metrics = light_curve_metrics(fit, header.usable, header.cadenceno, header.exposure.cadence_s)
    status, reason = statuses(fit, metrics)
    rows: dict[int, dict[str, object]] = {}
    curves: list[LightCurve] = []
    metadata: list[TargetMetadata] = []
    for index, starid in enumerate(fit.starid.tolist()):
        its, entry = StarCorrection.of(fluxes, index), entries[starid]
        of_status: dict[str, object] = {"status": status[index].name, "reason": reason[index]}
        rows[starid] = _results(fit, metrics, index) | corrections_of(its) | of_status
        if status[index] in MEASURED:
            numbers = star_numbers(fit, index)
            metadata.append(target_metadata(catalog, entry, status[index], reason[index], numbers, its))
            curves.append(_curve_of(fit, index, header, fluxes, catalog, entry))
    contents = writer.file_contents(curves, metadata)
    return rows, ((curve.starid, content) for curve, content in zip(curves, contents, strict=True))


def _not_fitted(tmag: float, limit: float) -> dict[str, object]:
    """Status of a target that the fit does not hold."""
    if tmag > limit:
        return {"status": STATUS.SKIPPED.name, "reason": f"fainter than the fit's limit {limit:g}"}
    return {"status": STATUS.ERROR.name, "reason": "not among the fitted stars of its tile"}


def _curve_of(
    fit: TileFit, index: int, header: CubeHeader, fluxes: CorrectedFluxes, catalog: Catalog, entry: int
) -> LightCurve:
    """Light curve of a star, with its own times."""
    curve = light_curve(fit, index, header, fluxes)
    return with_star_time(curve, header.ephemeris, catalog.ra[entry], catalog.decl[entry])


def _written(output: str | Path, file: str, content: bytes) -> dict[str, object]:
    """Write a file unless it is there with the same content; return its columns of the index."""
    kept = write_if_different(Path(output, file), content)
    return {"file": file, "size": len(kept), "digest": hashlib.sha256(kept).hexdigest()}


def corrections_of(correction: StarCorrection) -> dict[str, float]:
    """Return the columns of the index that are about what the corrected flux is without."""
    return {
        "n_trend": len(correction.coefficients),
        "noise_added": correction.noise_added,
        "correlation_left": correction.correlation_left,
        "variability_kept": correction.variability_kept,
    }


def _results(fit: TileFit, metrics: Metrics, index: int) -> dict[str, object]:
    """Columns of the index that come from the fit and the metrics of one star."""
    row: dict[str, object] = {name: getattr(metrics, name)[index] for name in metrics.__slots__}
    return row | {
        "row": fit.row[index],
        "column": fit.column[index],
        "centroid_row": metrics.row[index],
        "centroid_column": metrics.column[index],
        "blend_correlation": fit.blend_correlation[index],
        **asdict(star_numbers(fit, index)),
    }
