"""The documented class `BasePhotometry`: a target, its pixels, and its light curve for photometry to fill."""

import logging
import os
from configparser import ConfigParser
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from astropy.table import Table

from photometry.core.datasources import FFI
from photometry.core.errors import ConfigError, TargetError
from photometry.core.status import MEASURED, STATUS
from photometry.interface.detector import CACHE_MODES, forget
from photometry.interface.lightcurve_table import (
    blank_curve,
    cadences_of,
    curve_with_stamp,
    curve_with_table,
    empty_table,
    has_values,
    table_metrics,
    unmeasured,
)
from photometry.interface.prepared import input_folder_of
from photometry.interface.target_choice import TargetChoice, choose_target, whole_number
from photometry.interface.target_files import NoFit, cards_of, write_target
from photometry.interface.target_report import TargetReport
from photometry.interface.target_view import TargetView
from photometry.interface.user_settings import load_settings
from photometry.io.results.lightcurve_cards import TargetMetadata, target_metadata
from photometry.io.results.lightcurve_files import FitMetadata
from photometry.lightcurve.light_curve import LightCurve

if TYPE_CHECKING:
    from photometry.plots import Figure

__all__ = ["BasePhotometry"]


_log = logging.getLogger(__name__)
#: Folder of the plots below the output folder.
_PLOT_FOLDER = Path("plots", "targets")


class BasePhotometry(TargetView):
    """A target, its pixels, the stars around it and its light curve.

    Methods of photometry are subclasses that fill `lightcurve` in `do_photometry`; `photometry.PSFPhotometry` is one.
    It is a context manager. Two objects never disturb each other, in threads neither.

    Parameters
    ----------
    starid : int or str
        TIC number, also as ``TIC 261136679``.
    input_folder : path-like
        Prepared files: the folder prepared/ of a workflow's output, or any folder with cubes and catalogues; and target
        pixel files, for ``tpf``. The path of a file means the folder that holds it.
    output_folder : path-like
        Where light curves and plots go: in trees of folders below it.
    datasource : str
        ``ffi``: full-frame images, or cutouts of them; ``tpf``: the star's target pixel file; ``tpf:<starid>``: the
        target pixel file of another star.
    plot : bool
        Make plots.
    camera, ccd : int
        1 to 4; needed for ``ffi``, not used for ``tpf``.
    cadence : int
        Cadence, s, where there are target pixel files of several; not used for ``ffi``.
    cache : str
        What stays in memory for other targets of the same files: ``none``; ``basic``: everything but the pixels;
        ``full``: the pixels too (those that were read, up to 2 GB).
    version : int
        Version of the product, 1 to 99.
    sector : int
        Sector; needed where the input folder holds several of that camera and CCD, or of that target.

    Attributes
    ----------
    starid, sector, camera, ccd : int
        Target and CCD.
    input_folder, output_folder : str
        Absolute paths; the input folder is a folder also when a file was given.
    cadence : int
        s.
    data_rel : int
        Data release of the pixels; 0 where they name none.
    n_readout : int
        Readouts that were summed in a cadence.
    Ntimes : int
        Number of cadences.
    method : str
        Method of photometry: ``base``, ``psf``, or what a subclass says.
    datasource : str
        ``ffi`` or ``tpf``.
    target_pos_row, target_pos_column : float
        Mean place of the target by catalogue and WCS, 0-based on the CCD.
    header : dict
        Attributes of the cube, or primary header of the target pixel file.
    additional_headers : dict
        What is put in here goes into the primary header of the light curve: value, or (value, comment), by keyword.
    final_phot_mask, final_position_mask : (n_row, n_column) bool, or None
        Pixels of the stamp that were used for the aperture flux and for the centroid.
    lightcurve : Table
        time (BTJD, d), timecorr (d), cadenceno, quality, flux, flux_err, corr_flux, corr_flux_err, flux_background
        (e-/s), pos_centroid, pos_corr (column and row, pixels). pos_corr is there from the start where the motion was
        prepared or came with the pixels; the rest is NaN before the photometry.
    details : dict
        What `report_details` and the photometry collected: errors, warnings, skip_targets, metrics.
    settings : ConfigParser
        Settings of this target (`photometry.load_settings`); change them before the photometry.

    Raises
    ------
    FileNotFoundError
        When the input folder, cube, target pixel file or catalogue is missing, or several target pixel files match.
    ValueError
        When datasource or cache are not known, camera or CCD are missing for ``ffi``, the sector is missing and there
        are several, or a number is not whole or out of range.
    RuntimeError
        When the star is not in the catalogue, or not on the pixels.
    """

    method = "base"

    def __init__(
        self,
        starid: int | str,
        input_folder: str | Path,
        output_folder: str | Path,
        datasource: str = FFI.name,
        plot: bool = False,
        camera: int | None = None,
        ccd: int | None = None,
        cadence: int | None = None,
        cache: str = "basic",
        version: int | None = 6,
        sector: int | None = None,
    ) -> None:
        if cache not in CACHE_MODES:
            raise ConfigError(f"cache is {cache!r}, expected one of {', '.join(CACHE_MODES)}")
        choice = TargetChoice(starid, datasource, sector, camera, ccd, cadence)
        self.settings: ConfigParser = load_settings()
        self.cache, self._plots = cache, bool(plot)
        self.version = None if version is None else whole_number("version", version)
        self.input_folder = os.path.abspath(input_folder_of(input_folder))
        self.output_folder = os.path.abspath(output_folder)
        place = choose_target(choice, self.input_folder, cache)
        self._detector, self._entry = place.detector, place.entry
        self.target_pos_row, self.target_pos_column = place.row, place.column
        header = self._detector.header
        self.starid, self.datasource = choice.number, choice.kind
        self.sector, self.camera, self.ccd = header.pointing.sector, header.pointing.camera, header.pointing.ccd
        self.data_rel, self.n_readout = header.pointing.data_rel, header.exposure.num_readouts
        self.cadence, self.Ntimes = header.exposure.cadence_s, header.n_cadence
        self.header: dict[str, Any] = dict(self._detector.source.metadata)
        self.additional_headers: dict[str, Any] = {}
        self.final_phot_mask = self.final_position_mask = None
        self._tmag = float(self._detector.catalog.tmag[self._entry])
        self._stamp = self._first_stamp()
        self.lightcurve: Table = self._empty_table()
        self._report = TargetReport()
        self._status = STATUS.UNKNOWN
        self._plot_folder: str | None = None
        if self._plots:
            self._plot_folder = os.path.join(self.output_folder, _PLOT_FOLDER, f"{self.starid:011d}")
            os.makedirs(self._plot_folder, exist_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} TIC {self.starid}: {self.datasource}, sector {self.sector}, camera {self.camera}, "
            f"CCD {self.ccd}, {self.cadence} s, stamp {self.stamp}, {self._status.name}>"
        )

    @property
    def status(self) -> STATUS:
        """How the photometry went: UNKNOWN, STARTED, OK, ERROR, WARNING, ABORT or SKIPPED."""
        return self._status

    @property
    def details(self) -> dict[str, Any]:
        """What was collected so far: errors, warnings, skip_targets (lists), and the metrics of the light curve."""
        return self._report.as_dict()

    def do_photometry(self) -> STATUS:
        """Fill `lightcurve` and return the status; for subclasses to define.

        Returns
        -------
        STATUS
            OK, WARNING, SKIPPED or ERROR.

        Raises
        ------
        NotImplementedError
            Always.
        """
        raise NotImplementedError("BasePhotometry measures nothing: define do_photometry, or use PSFPhotometry")

    def photometry(self, *args: Any, **kwargs: Any) -> STATUS:
        """Run `do_photometry`, check its light curve, compute the metrics and, if wanted, plot.

        `lightcurve` holds no result from the moment a run starts: what fails leaves no flux of an earlier run.

        Parameters
        ----------
        *args, **kwargs
            For `do_photometry`.

        Returns
        -------
        STATUS
            ERROR when the flux or its errors are all NaN; the reason is in `details`. An exception leaves the status
            ERROR (ABORT when the user stops it).
        """
        report = self._report
        self._report = report.for_first_run() if self._status is STATUS.UNKNOWN else report.for_next_run()
        self._status = STATUS.STARTED
        self.lightcurve = unmeasured(self.lightcurve, self._empty_table())
        with self._report.collected_warnings():
            try:
                status = _checked_status(self.do_photometry(*args, **kwargs))
            except KeyboardInterrupt:
                self._status = STATUS.ABORT
                raise
            except Exception as error:
                self._status = STATUS.ERROR
                self.report_details(error=str(error) or type(error).__name__)
                raise
            self._status = self._judged(status)
            if self._status in MEASURED:
                bitmask = self._detector.header.quality_bitmask
                self._report.add_metrics(table_metrics(self.lightcurve, self.cadence, bitmask))
                self._make_plots()
        return self._status

    def report_details(self, error: str | None = None, skip_targets: list[int] | None = None) -> None:
        """Collect what the summary shows of the target, before its photometry, in it or after it.

        Stars to be skipped accumulate, each once; errors are those of the last run and what was reported before the
        first.

        Parameters
        ----------
        error : str, optional
            What went wrong.
        skip_targets : list of int, optional
            TIC numbers of stars that need no photometry of their own, this one's being theirs.
        """
        self._report.add(error, skip_targets)

    def save_lightcurve(self, output_folder: str | Path | None = None, version: int | None = None) -> str:
        """Write the light curve as a FITS file, with the layout and the name of the workflow's.

        SUMIMAGE and APERTURE of the file are `sumimage` and `aperture`, with the pixels of `final_phot_mask` flagged.
        Rows of `lightcurve` may have been left out.

        Parameters
        ----------
        output_folder : path-like, optional
            Folder of the file [default: the workflow's tree of folders in the output folder of the constructor].
        version : int, optional
            Version of the product [default: that of the constructor].

        Returns
        -------
        str
            Path of the file.

        Raises
        ------
        ValueError
            When there is no version (1 to 99), something in `additional_headers` cannot be in a header, the mask does
            not have the shape of the stamp, or the rows of `lightcurve` are not cadences of the pixels.
        RuntimeError
            When there is no flux to be saved. One whose status is ERROR is saved with STATUS=ERROR, and a warning.
        """
        version = self.version if version is None else whole_number("version", version)
        if version is None:
            raise ConfigError("no version: give one to save_lightcurve or to the constructor")
        self._check_savable()
        which = cadences_of(self.lightcurve, self._detector.header)
        curve = curve_with_table(self._curve(), self.lightcurve, which)
        path = write_target(
            curve_with_stamp(curve, self._stamp, self.sumimage, self.aperture, self.final_phot_mask),
            self._metadata(),
            self._fit_metadata(),
            self._detector.header.of_cadences(which),
            self.output_folder if output_folder is None else output_folder,
            version,
            self._detector.provenance(),
            cards_of(self.additional_headers),
            tree=output_folder is None,
        )
        return os.path.abspath(path)

    @property
    def plot_folder(self) -> str | None:
        """Folder of the target's plots, which exists; None without plotting."""
        return self._plot_folder

    def delete_plots(self) -> None:
        """Delete all files in `plot_folder`; the folder stays. Without plotting nothing is deleted."""
        if self._plot_folder is None or not os.path.isdir(self._plot_folder):
            return
        for path in Path(self._plot_folder).iterdir():
            if not path.is_dir():
                path.unlink()

    def clear_cache(self) -> None:
        """Keep nothing of these files in memory, for this target or for others."""
        forget(self._detector)
        self._forget_stamp()

    def close(self) -> None:
        """Let go of the pixels; no file is open. What is asked for afterwards is read again."""
        self._forget_stamp()

    def _judged(self, status: STATUS) -> STATUS:
        """Return the status after a look at the light curve."""
        if status in MEASURED:
            for name, what in (("flux", "flux"), ("flux_err", "error of the flux")):
                if not has_values(self.lightcurve, name):
                    self.report_details(error=f"the {what} is NaN in every cadence")
                    return STATUS.ERROR
        elif status in (STATUS.UNKNOWN, STATUS.STARTED):
            self.report_details(error=f"do_photometry ended with the status {status.name}")
            return STATUS.ERROR
        return status

    def _check_savable(self) -> None:
        """Raise where there is no flux; warn of one that the status calls wrong."""
        reason = f"{self._status.name}{': ' if self._report.reason else ''}{self._report.reason}"
        if not has_values(self.lightcurve, "flux"):
            remedy = "run photometry() first" if self._status is STATUS.UNKNOWN else f"its status is {reason}"
            raise TargetError(f"TIC {self.starid}: no flux to save; {remedy}")
        if self._status not in (*MEASURED, STATUS.UNKNOWN):
            _log.warning("TIC %d: a light curve is saved whose status is %s", self.starid, reason)

    def _empty_table(self) -> Table:
        return empty_table(self._detector.header, self.target["ra"], self.target["dec"], self._known_motion())

    def _curve(self) -> LightCurve:
        """Light curve with the images that are written; its fluxes are taken from `lightcurve`."""
        return blank_curve(self.starid, self._detector.header, self._stamp, self.sumimage)

    def _metadata(self) -> TargetMetadata:
        return target_metadata(self._detector.catalog, self._entry, self._status, self._report.reason)

    def _fit_metadata(self) -> FitMetadata:
        return NoFit()

    def _figures(self) -> "dict[str, Figure]":
        """Return the plots by their names."""
        return {}

    def _make_plots(self) -> None:
        if self._plot_folder is None:
            return
        from photometry.plots import save_figure

        start = f"tess{self.starid:011d}-s{self.sector:03d}-{self.camera}-{self.ccd}-c{self.cadence:04d}"
        for name, figure in self._figures().items():
            save_figure(figure, Path(self._plot_folder, f"{start}-{name}.png"))


def _checked_status(returned: Any) -> STATUS:
    """Return what `do_photometry` returned, where it is a status."""
    if isinstance(returned, bool) or not isinstance(returned, int) or returned not in list(STATUS):
        raise ConfigError(f"do_photometry returned {returned!r}: return a STATUS, as photometry.STATUS.OK")
    return STATUS(returned)
