"""Trends of a region as FITS files in the layout of SPOC's basis vectors (CBVs), which lightkurve reads; and SPOC's.

Beside the vectors they have four extensions more: the stars that the trends are made of, the covariance that they had
before they were smoothed, and how they were smoothed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from photometry._version import __version__
from photometry.core.cube import CubeHeader
from photometry.core.errors import InputFileError
from photometry.core.times import SECONDS_PER_DAY
from photometry.io.fits.fits_files import open_fits
from photometry.io.store.provenance import atomic_path
from photometry.lightcurve.corrections import NOT_ASKED_FOR, Correction, WithoutTrends
from photometry.trends.trend_set import ReferenceStars, TrendSet, no_stars, no_trends
from photometry.trends.trend_smoothing import Smoothing, no_smoothing

__all__ = ["given_trends", "key_of_trends", "read_correction", "read_trends", "spacecraft_time", "write_trends"]

#: Name of the extension with the vectors, as SPOC and lightkurve have it.
_VECTORS = "CBV.single-scale.{camera}.{ccd}"
_STARS, _COVARIANCE = "REFERENCE", "COVARIANCE"
_SCALES, _TURN = "SCALES", "TURN"
#: Columns of the stars: field, type, unit.
_OF_STARS = (
    ("starid", "K", "", "TIC number"),
    ("tmag", "D", "mag", "TESS magnitude"),
    ("row", "D", "pixel", "CCD row, 0-based"),
    ("column", "D", "pixel", "CCD column, 0-based"),
    ("flux", "D", "e-/s", "median flux"),
    ("scatter", "D", "", "scatter of a cadence beyond its error"),
    ("offset", "D", "", "constant of the star"),
)
_OF_TRENDS = (
    ("loadings", "shares with which the star made the trends"),
    ("coefficients", "what the star has of the trends"),
    ("variance", "variance of the coefficients"),
)
#: Vectors of SPOC that are used, at most: those behind are noise for most stars.
_MOST_GIVEN = 8
#: Share of the cadences that given trends must have.
_FEWEST_GIVEN = 0.5


def spacecraft_time(header: CubeHeader) -> npt.NDArray[np.float64]:
    """Return the times of the cadences at the spacecraft, TJD, d: without the barycentric correction."""
    return np.asarray(header.time - header.timecorr, np.float64)


def write_trends(path: str | Path, trends: TrendSet, header: CubeHeader, key: str, inputs: Mapping[str, str]) -> None:
    """Write trends; equal trends make equal bytes.

    Parameters
    ----------
    path : path-like
        The file.
    trends : TrendSet
        What to write.
    header : CubeHeader
        Header of the region's cube.
    key : str
        Digest of what they depend on beside light curves.
    inputs : mapping of str to str
        Names and digests of the files that they were made from, by role.
    """
    hdus = fits.HDUList([_primary(trends, header, key, inputs), _vectors(trends, header)])
    if trends.n_trend:
        # Bytes of FITS have no sign.
        scales = trends.smoothing.scales.astype(np.int16)
        images = {_COVARIANCE: trends.covariance, _SCALES: scales, _TURN: trends.smoothing.turn}
        hdus += [_stars(trends.stars), *(fits.ImageHDU(values, name=name) for name, values in images.items())]
    for one in hdus:
        one.add_checksum(when="HDU checksum")
    written = BytesIO()
    hdus.writeto(written)
    with atomic_path(path) as temporary:
        temporary.write_bytes(written.getvalue())


def _primary(trends: TrendSet, header: CubeHeader, key: str, inputs: Mapping[str, str]) -> fits.PrimaryHDU:
    pointing = header.pointing
    cards: list[tuple[str, Any, str]] = [
        ("NEXTEND", 5 if trends.n_trend else 1, "number of standard extensions"),
        ("EXTNAME", "PRIMARY", "name of extension"),
        ("ORIGIN", "tess-psf-photometry", "software, not an institution"),
        ("CREATOR", "tess-psf-photometry trends", "program"),
        ("PROCVER", f"tess-psf-photometry {__version__}", "software version"),
        ("TELESCOP", "TESS", "telescope"),
        ("INSTRUME", "TESS Photometer", "detector type"),
        ("MISSION", "TESS", "mission"),
        ("SECTOR", pointing.sector, "observing sector"),
        ("CAMERA", pointing.camera, "camera number"),
        ("CCD", pointing.ccd, "CCD number"),
        ("NTREND", trends.n_trend, "number of trends"),
        ("BYORBIT", trends.by_orbit, "whether each orbit has its own"),
        ("NSTAR", len(trends.stars), "stars that they are made of"),
        ("NCANDID", trends.n_candidate, "stars of the right brightness, told apart"),
        ("TRORIGIN", trends.origin, "learnt, or the file they were given in"),
        ("TRREASON", trends.reason, ""),
        ("TRKEY", key, ""),
        *((f"SCORE{number}", score, "change of ln scatter of held-out stars") for number, score in _scores(trends)),
        *((f"INPUT{number}", f"{role} {name}", "") for number, (role, name) in enumerate(inputs.items(), 1)),
    ]
    made = fits.Header()
    for card in cards:
        made[card[0]] = card[1:]
    return fits.PrimaryHDU(header=made)


def _scores(trends: TrendSet) -> list[tuple[int, float]]:
    return list(enumerate(trends.scores))


def _vectors(trends: TrendSet, header: CubeHeader) -> fits.BinTableHDU:
    gap = ~np.isfinite(trends.values).all(axis=0)
    columns = [
        fits.Column("TIME", "D", "BJD - 2457000, days", disp="D14.7", array=trends.time),
        fits.Column("CADENCENO", "J", disp="I10", array=trends.cadenceno),
        fits.Column("GAP", "L", array=gap),
        *(
            fits.Column(f"VECTOR_{number}", "D", disp="E14.7", array=np.where(gap, 0.0, values))
            for number, values in enumerate(trends.values, 1)
        ),
    ]
    pointing = header.pointing
    hdu = fits.BinTableHDU.from_columns(columns, name=_VECTORS.format(camera=pointing.camera, ccd=pointing.ccd))
    hdu.header["CAMERA"] = (pointing.camera, "camera number")
    hdu.header["CCD"] = (pointing.ccd, "CCD number")
    hdu.header["TIMESYS"] = ("TDB", "barycentric dynamical time")
    hdu.header["TIMEREF"] = ("LOCAL", "no barycentric correction in TIME")
    hdu.header.comments["TTYPE1"] = "time at mid exposure at the spacecraft"
    return hdu


def _stars(stars: ReferenceStars) -> fits.BinTableHDU:
    columns = [
        fits.Column(name.upper(), kind, unit or None, array=getattr(stars, name)) for name, kind, unit, _ in _OF_STARS
    ]
    n_trend = stars.loadings.shape[1]
    columns += [fits.Column(name.upper(), f"{n_trend}D", array=getattr(stars, name)) for name, _ in _OF_TRENDS]
    hdu = fits.BinTableHDU.from_columns(columns, name=_STARS)
    meanings = [*(meaning for *_, meaning in _OF_STARS), *(meaning for _, meaning in _OF_TRENDS)]
    for number, meaning in enumerate(meanings, 1):
        hdu.header.comments[f"TTYPE{number}"] = meaning
    return hdu


def key_of_trends(path: str | Path) -> str:
    """Return the digest of what trends depend on beside light curves; empty where there is no file that can be read."""
    try:
        with open_fits(path) as hdus:
            return str(hdus[0].header.get("TRKEY", ""))
    except InputFileError:
        return ""


def read_correction(path: str, otherwise: Correction = NOT_ASKED_FOR) -> Correction:
    """Return what takes the trends of a file off, or `otherwise` where no file is named; errors as of `read_trends`."""
    return WithoutTrends(read_trends(path)) if path else otherwise


def read_trends(path: str | Path) -> TrendSet:
    """Read trends: of this package, or SPOC's, of which the first vectors are taken.

    Raises
    ------
    InputFileError
        When the file is missing, damaged or holds none.
    """
    with open_fits(path) as hdus:
        names = [hdu.name for hdu in hdus]
        wanted = next((name for name in names if name.startswith("CBV.SINGLE-SCALE.")), None)
        if wanted is None:
            raise InputFileError(path, "has no extension CBV.single-scale: no trends")
        table, header = hdus[wanted].data, hdus[0].header
        reason = str(header.get("TRREASON", ""))
        time, number = np.asarray(table["TIME"], np.float64), np.asarray(table["CADENCENO"], np.int32)
        vectors = [name for name in table.names if name.startswith("VECTOR_")][:_MOST_GIVEN]
        if not vectors:
            return no_trends(time, number, reason, int(header.get("NCANDID", 0)), _read_scores(header))
        values = np.stack([np.asarray(table[name], np.float64) for name in vectors])
        values[:, np.asarray(table["GAP"], bool) | ~np.isfinite(time)] = np.nan
        ours = _STARS in names
        return TrendSet(
            time=time,
            cadenceno=number,
            values=values,
            covariance=np.asarray(hdus[_COVARIANCE].data, np.float32)
            if ours
            else np.zeros((len(time), len(vectors), len(vectors)), np.float32),
            smoothing=_read_smoothing(hdus) if ours else no_smoothing(len(vectors), len(time)),
            stars=_read_stars(hdus[_STARS].data, len(vectors)) if ours else no_stars(len(vectors)),
            by_orbit=bool(header.get("BYORBIT", False)),
            scores=_read_scores(header),
            n_candidate=int(header.get("NCANDID", 0)),
            origin=str(header.get("TRORIGIN", Path(path).name)),
            reason=reason,
        )


def _read_scores(header: fits.Header) -> tuple[float, ...]:
    return tuple(float(header[name]) for name in header if name.startswith("SCORE"))


def _read_smoothing(hdus: fits.HDUList) -> Smoothing:
    return Smoothing(np.asarray(hdus[_TURN].data, np.float64), np.asarray(hdus[_SCALES].data, np.int8))


def _read_stars(table: fits.FITS_rec, n_trend: int) -> ReferenceStars:
    fields: dict[str, npt.NDArray[Any]] = {
        name: np.asarray(table[name.upper()], np.int64 if kind == "K" else np.float64) for name, kind, *_ in _OF_STARS
    }
    for name, _ in _OF_TRENDS:
        fields[name] = np.asarray(table[name.upper()], np.float64).reshape(len(table), n_trend)
    return ReferenceStars(**fields)


def given_trends(paths: Sequence[str], header: CubeHeader) -> TrendSet:
    """Return trends that are given, at the cadences of a region; none where no file is of its sector, camera and CCD.

    Means of the samples within a cadence, or the values between two samples where these are longer.
    """
    time, pointing = spacecraft_time(header), header.pointing
    wanted = pointing.sector, pointing.camera, pointing.ccd
    fitting = [path for path in paths if _detector_of(path) == wanted]
    if not fitting:
        name = "sector {}, camera {}, CCD {}".format(*wanted)
        return no_trends(time, header.cadenceno, f"no trends of {name} are given")
    # The finest in time.
    found = max(map(read_trends, fitting), key=lambda trends: len(trends.time))
    if not found.n_trend:
        return no_trends(time, header.cadenceno, f"{found.origin} has no trends: {found.reason}")
    if np.array_equal(found.cadenceno, header.cadenceno) and np.allclose(found.time, time, rtol=0, atol=1e-4):
        return replace(found, time=time, origin=Path(fitting[0]).name)
    values = _resampled(found, time, header.exposure.cadence_s / SECONDS_PER_DAY)
    there = np.isfinite(values).all(axis=0)
    if there.mean() < _FEWEST_GIVEN:
        return no_trends(time, header.cadenceno, f"{found.origin} has trends in few of the cadences")
    n_trend = found.n_trend
    return replace(
        found,
        time=time,
        cadenceno=header.cadenceno,
        values=values,
        covariance=np.zeros((len(time), n_trend, n_trend), np.float32),
        smoothing=no_smoothing(n_trend, len(time)),
        stars=found.stars if len(found.stars) else no_stars(n_trend),
        origin=Path(fitting[0]).name,
    )


def _detector_of(path: str) -> tuple[int, int, int]:
    """Sector, camera and CCD of a file with trends; SPOC has the last two in the extensions."""
    with open_fits(path) as hdus:
        cards = hdus[0].header + (hdus[1].header if len(hdus) > 1 else fits.Header())
        return (int(cards.get("SECTOR", 0)), int(cards.get("CAMERA", 0)), int(cards.get("CCD", 0)))


def _resampled(trends: TrendSet, time: npt.NDArray[np.float64], cadence: float) -> npt.NDArray[np.float64]:
    """Trends at other times, (n_trend, n_cadence)."""
    known = np.isfinite(trends.values).all(axis=0)
    known_time, values = trends.time[known], trends.values[:, known]
    first, last = (np.searchsorted(known_time, time + half) for half in (-cadence / 2, cadence / 2))
    sums = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
    count = last - first
    means = (sums[:, last] - sums[:, first]) / np.maximum(count, 1)
    between = np.stack([np.interp(time, known_time, row) for row in values])
    after = np.clip(np.searchsorted(known_time, time), 1, len(known_time) - 1)
    step = np.median(np.diff(known_time))
    near = (known_time[after] - known_time[after - 1] < 1.5 * step) & (time >= known_time[0]) & (time <= known_time[-1])
    return np.where(count > 0, means, np.where(near, between, np.nan))
