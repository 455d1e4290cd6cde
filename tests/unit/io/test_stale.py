import numpy as np
import pytest
from tile_fits import make_catalog, make_fit, make_header

from photometry.catalog.targets import OUTSIDE, TargetList
from photometry.core.errors import InputFileError
from photometry.core.stars import GAIA_NUMBERS
from photometry.io.results.lightcurve_files import export_tile
from photometry.io.results.result_rows import texts_in
from photometry.io.results.stale import prune, stale_files
from photometry.io.results.summary import write_summary
from photometry.io.stars.target_lists import write_targets
from photometry.io.store.tables import RESULT_COLUMNS, read_ecsv, write_ecsv

FIT = make_fit()
STARS = FIT.starid.tolist()


def export(folder, targets, version=1, region="reg"):
    catalog, header = make_catalog(FIT), make_header(FIT.flux.shape[1])
    return export_tile(FIT, header, np.array(targets), catalog, folder, version, region, "tile", inputs={})


def files_of(index):
    return sorted(str(name) for name in index["file"])


@pytest.fixture
def removed(tmp_path):
    """A folder with light curves of two versions and of another region; one star of version 1 is no target any more."""
    everything = export(tmp_path, STARS)
    export(tmp_path, STARS, version=2)
    index = export(tmp_path, STARS[1:])
    write_ecsv(index, tmp_path / "index.ecsv")
    header = make_header(FIT.flux.shape[1])
    n_target = len(STARS) - 1
    known = np.full(n_target, 10.0)
    targets = TargetList(np.array(STARS[1:]), known, known, known, np.full(n_target, "tile"), np.array([""] * n_target))
    write_targets(tmp_path / "targets.ecsv", targets, "reg", header, np.zeros(3, dtype=np.int64))
    return tmp_path, files_of(everything), files_of(index)


def test_files_that_no_index_lists_are_stale(removed):
    folder, everything, listed = removed
    (gone,) = stale_files(folder, 1, set(listed), {"reg"})
    assert gone.file == (set(everything) - set(listed)).pop()
    assert (gone.starid, gone.sector, gone.camera, gone.ccd, gone.cadence, gone.region) == (
        STARS[0], 1, 4, 2, 1800, "reg"
    )  # fmt: skip
    assert len(stale_files(folder, 2, set(), {"reg"})) == len(STARS)


def test_files_of_other_regions_and_foreign_files_are_left_alone(removed):
    folder, _, listed = removed
    assert stale_files(folder, 1, set(listed), {"other"}) == []
    block = (folder / listed[0]).parent
    (block / "notes.txt").write_text("mine")
    (block / "tess00000000007-s001-4-2-c1800-dr01-v01_lc.fits").write_text("no light curve")
    assert len(stale_files(folder, 1, set(listed), {"reg"})) == 1
    assert stale_files(folder / "nowhere", 1, set(), {"reg"}) == []


def test_summary_names_stale_files_until_they_are_pruned(removed):
    folder, everything, listed = removed
    arguments = (folder / "summary.ecsv", [folder / "targets.ecsv"], [folder / "index.ecsv"], 1, (), folder)
    write_summary(*arguments)
    summary = read_ecsv(folder / "summary.ecsv", RESULT_COLUMNS)
    assert summary["starid"].tolist() == STARS
    row = summary[0]
    assert (row["status"], row["file"], row["region"]) == ("SKIPPED", "", "reg")
    assert [row["stale"]] == sorted(set(everything) - set(listed))
    assert (summary.meta["n_target"], summary.meta["n_stale"]) == (len(STARS) - 1, 1)
    assert prune(folder, texts_in(folder / "summary.ecsv", "stale")) == [row["stale"]]
    assert not (folder / row["stale"]).exists()
    assert all((folder / name).exists() for name in listed)
    write_summary(*arguments)
    assert read_ecsv(folder / "summary.ecsv", RESULT_COLUMNS)["starid"].tolist() == STARS[1:]


def test_a_target_that_failed_names_its_former_file(removed):
    folder, everything, listed = removed
    header = make_header(FIT.flux.shape[1])
    one = TargetList(np.array(STARS[:1]), np.zeros(1), np.zeros(1), np.zeros(1), np.array([""]), np.array([OUTSIDE]))
    write_targets(folder / "targets.ecsv", one, "reg", header, np.zeros(3, dtype=np.int64))
    write_summary(folder / "s.ecsv", [folder / "targets.ecsv"], [folder / "index.ecsv"], 1, (), folder)
    summary = read_ecsv(folder / "s.ecsv", RESULT_COLUMNS)
    row = summary[summary["starid"] == STARS[0]][0]
    assert (row["reason"], [row["stale"]]) == (OUTSIDE, sorted(set(everything) - set(listed)))
    assert summary.meta["n_target"] == len(summary) == len(STARS)


@pytest.mark.parametrize("name", ["../stars.csv", "lightcurves/../stars.csv", "lightcurves/c1800/00000/stars.csv"])
def test_nothing_but_light_curves_is_pruned(tmp_path, name):
    with pytest.raises(InputFileError, match="is listed as stale, but is no light curve file"):
        prune(tmp_path, [name])


def test_names_with_numbers_of_gaia(removed):
    folder, _, listed = removed
    path = folder / listed[0]
    number = GAIA_NUMBERS + 4722111590409480064
    path.rename(path.with_name(path.name.replace(path.name[4:15], str(number))))
    assert number in [file.starid for file in stale_files(folder, 1, set(listed), {"reg"})]
