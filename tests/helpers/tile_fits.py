"""Fits and headers of a small tile, made by hand."""

from dataclasses import replace

import numpy as np

from photometry.catalog.star_catalog import Catalog, CatalogSettings
from photometry.core.cube import CubeHeader, Exposure, Pointing
from photometry.core.geometry import Stamp
from photometry.core.stars import flux_of_tmag
from photometry.fit.tile_fit import TileFit

#: Pixels of the tile.
STAMP = Stamp(300, 340, 540, 580)
WCS_HEADER = "".join(
    f"{card:80s}"
    for card in (
        "WCSAXES =                    2",
        "CTYPE1  = 'RA---TAN-SIP'",
        "CTYPE2  = 'DEC--TAN-SIP'",
        "CUNIT1  = 'deg     '",
        "CUNIT2  = 'deg     '",
        "CRPIX1  =                550.0",
        "CRPIX2  =                320.0",
        "CRVAL1  =                 84.3",
        "CRVAL2  =               -80.47",
        "CD1_1   =               0.0058",
        "CD1_2   =               0.0001",
        "CD2_1   =              -0.0001",
        "CD2_2   =               0.0058",
        "A_ORDER =                    2",
        "B_ORDER =                    2",
        "A_2_0   =              3.0E-05",
        "B_0_2   =             -2.0E-05",
        "RADESYS = 'ICRS    '",
    )
)


def make_header(n_cadence: int = 120, stamp: Stamp = STAMP, cadence_s: int = 1800) -> CubeHeader:
    """Header of a cutout with one flagged cadence (number 5) and a gap after cadence 50."""
    cadenceno = np.arange(4697, 4697 + n_cadence) + np.where(np.arange(n_cadence) > 50, 10, 0)
    quality = np.zeros(n_cadence, dtype=np.int32)
    quality[5] = 32
    return CubeHeader(
        pointing=Pointing("tesscut", 1, 4, 2, 1, "spoc-3.3.37-20181001", 0, 84.3, -80.47),
        exposure=Exposure(cadence_s, cadence_s * 0.792, 720, (5.2, 5.1, 5.2, 5.3), (10.0, 8.0, 7.5, 9.9)),
        stamp=stamp,
        time=1325.3 + cadenceno * cadence_s / 86400,
        timecorr=np.linspace(0.001, 0.002, n_cadence, dtype=np.float32),
        cadenceno=cadenceno.astype(np.int32),
        quality=quality,
        wcs_header=WCS_HEADER,
        aperture=np.full(stamp.shape, 65, dtype=np.int32),
    )


def make_fit(n_star: int = 3, n_cadence: int = 120, stamp: Stamp = STAMP, seed: int = 1, **changes: object) -> TileFit:
    """Fit of stars on the diagonal of a stamp, T = 9, 10, 11, ...; fluxes with white noise of their errors."""
    rng = np.random.default_rng(seed)
    tmag = 9.0 + np.arange(n_star) * min(1.0, 6.0 / n_star)
    step = np.linspace(10, 30, n_star)
    row, column = stamp.row_min + step, stamp.col_min + step
    truth = flux_of_tmag(tmag)[:, None]
    flux_err = np.broadcast_to(np.sqrt(truth + 400.0) / 30, (n_star, n_cadence)).astype(np.float32)
    noise = rng.normal(size=(4, n_star, n_cadence))
    shift = np.broadcast_to(0.05 * np.sin(np.arange(n_cadence) / 9), (n_star, n_cadence)).astype(np.float32)
    fit = TileFit(
        stamp=stamp,
        starid=260795451 + np.arange(n_star),
        tmag=tmag,
        row=row,
        column=column,
        flux=(truth + flux_err * noise[0]).astype(np.float32),
        flux_err=flux_err,
        aperture_flux=(truth + 1.5 * flux_err * noise[1]).astype(np.float32),
        aperture_flux_err=(1.5 * flux_err).astype(np.float32),
        background=np.full((n_star, n_cadence), 100, dtype=np.float32),
        centroid_row=(row[:, None] + shift + 0.001 * noise[2]).astype(np.float32),
        centroid_column=(column[:, None] - shift + 0.001 * noise[3]).astype(np.float32),
        row_shift=shift,
        column_shift=-shift,
        pixel_quality=np.zeros((n_star, n_cadence), dtype=np.int32),
        chi2=np.ones((n_star, n_cadence), dtype=np.float32),
        cadence_chi2=np.ones(n_cadence, dtype=np.float32),
        star_flags=np.zeros(n_star, dtype=np.int32),
        contamination=np.linspace(0.01, 0.2, n_star),
        blend_correlation=np.linspace(0.1, 0.5, n_star),
        chi2_mean=np.full(n_star, 1.0),
        mean_misfit=np.full(n_star, 0.001),
        mean_flux_syst=0.001 * truth[:, 0],
        unlisted_tmag=np.full(n_star, np.nan),
        unlisted_distance=np.full(n_star, np.nan),
        prf_source="model",
        fit_tmag_limit=16.0,
        sum_image=make_image(stamp, row, column, truth[:, 0]),
        model_image=make_image(stamp, row, column, 0.99 * truth[:, 0]),
        aperture=np.pad(np.ones((n_star, 3, 3), dtype=bool), ((0, 0), (4, 4), (4, 4))),
        window_row=np.rint(row).astype(np.int64) - 5,
        window_column=np.rint(column).astype(np.int64) - 5,
    )
    return replace(fit, **changes)


def make_image(stamp: Stamp, row: np.ndarray, column: np.ndarray, flux: np.ndarray) -> np.ndarray:
    """Image of round stars on a background of 1 e-/s."""
    rows, columns = np.mgrid[stamp.row_min : stamp.row_max, stamp.col_min : stamp.col_max]
    image = np.ones(stamp.shape)
    for star in range(len(row)):
        distance2 = (rows - row[star]) ** 2 + (columns - column[star]) ** 2
        image += flux[star] / (2 * np.pi) * np.exp(-distance2 / 2)
    return image


def make_catalog(fit: TileFit) -> Catalog:
    """Catalogue of the stars of a fit; the second one has no temperature."""
    n_star = len(fit.starid)
    ra = 84.3 + np.arange(n_star) * 0.125
    return Catalog(
        settings=CatalogSettings(1, 4, 2, "", 1330.0, 2018.6, np.inf, 84.3, -80.47, ""),
        starid=fit.starid,
        ra=ra + 0.01,
        decl=np.full(n_star, -80.4),
        ra_j2000=ra,
        decl_j2000=np.full(n_star, -80.4),
        pm_ra=np.full(n_star, 12.5),
        pm_decl=np.full(n_star, -3.0),
        tmag=fit.tmag,
        teff=np.where(np.arange(n_star) == 1, np.nan, 5800.0),
    )
