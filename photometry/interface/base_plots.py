"""Part of `photometry.BasePhotometry`: plots of a target."""

from pathlib import Path
from typing import TYPE_CHECKING

from photometry.interface.base_stars import StampStars

if TYPE_CHECKING:
    from photometry.plots import Figure

__all__ = ["TargetPlots"]

#: Folder of the plots below the output folder.
_FOLDER = Path("plots", "targets")


class TargetPlots(StampStars):
    """Plots of a target; see `photometry.BasePhotometry`."""

    plot: bool
    cadence: int
    output_folder: Path
    #: Names of the plots that there can be.
    _PLOTS: tuple[str, ...] = ()

    @property
    def plot_folder(self) -> Path | None:
        """Folder of the target's plots, made when the first is written; None without plotting."""
        if not self.plot:
            return None
        return self.output_folder / _FOLDER / f"{self.starid:011d}"

    def delete_plots(self) -> None:
        """Delete the plots of this target, sector and cadence, and no other file; nothing without plotting."""
        folder = self.plot_folder
        if folder is None:
            return
        for path in self._plot_paths(folder).values():
            path.unlink(missing_ok=True)
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()

    def _figures(self) -> "dict[str, Figure]":
        """Return the plots by their names, which are in `_PLOTS`."""
        return {}

    def _make_plots(self) -> None:
        folder = self.plot_folder
        if folder is None:
            return
        from photometry.plots import save_figure

        folder.mkdir(parents=True, exist_ok=True)
        paths = self._plot_paths(folder)
        for name, figure in self._figures().items():
            save_figure(figure, paths[name])

    def _plot_paths(self, folder: Path) -> dict[str, Path]:
        start = f"tess{self.starid:011d}-s{self.sector:03d}-{self.camera}-{self.ccd}-c{self.cadence:04d}"
        return {name: folder / f"{start}-{name}.png" for name in self._PLOTS}
