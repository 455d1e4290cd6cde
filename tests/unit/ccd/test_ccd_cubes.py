"""The cube of a CCD, from frames to the file."""

import h5py
import numpy as np
import pytest
from astropy.io import fits
from ccd_steps import CcdSteps, write_ccd_cube
from ffi_builder import AREA, FfiBuilder

from photometry.background.mesh import background_image
from photometry.ccd.ccd_frames import make_frames
from photometry.ccd.ccd_work import n_block_of
from photometry.core.constants import ZERO_POINT_TMAG
from photometry.core.errors import InputFileError
from photometry.core.geometry import Stamp
from photometry.core.quality import PIXEL_FLAGS, flagged
from photometry.core.stars import Stars
from photometry.io.ffi.ffi_files import inspect_ffis
from photometry.io.products.cube_files import PIXEL_SETS, read_cube, read_cube_header, read_sum_image
from photometry.io.products.frame_lists import read_frames, read_list, write_frames

N_FRAME = 7
NO_STARS = Stars(np.empty(0, dtype=np.int64), np.empty(0), np.empty(0), np.empty(0))


def made(builder, path, stars=NO_STARS, **options):
    """Write the cube of a builder's frames."""
    listed = path.with_suffix(".frames")
    (region,) = inspect_ffis(builder.folder, builder.area)
    write_frames(listed, make_frames(region.paths, region.pointing, region.exposure, area=builder.area))
    write_ccd_cube(path, read_frames(listed), stars, {"frames": listed}, **options)
    return path


def datasets(path):
    """All datasets of a file by name."""
    found = {}
    with h5py.File(path, "r") as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.fixture
def builder(tmp_path):
    builder = FfiBuilder(tmp_path / "ffi")
    for number in range(N_FRAME):
        builder.write(number)
    return builder


def test_images_and_backgrounds_are_what_was_measured(builder, tmp_path):
    path = made(builder, tmp_path / "cube.hdf5")
    cube, header = read_cube(path), read_cube_header(path)
    measured = np.stack([builder.image(number) for number in range(N_FRAME)])[:, :96, 44:140]
    np.testing.assert_allclose(cube.images + cube.backgrounds, measured, rtol=2e-7, atol=2e-5)
    assert header.stamp == AREA
    assert (header.pointing.datasource, header.exposure.num_readouts) == ("ffi", 720)
    expected = np.sqrt(np.abs(measured) / 1425.6 + 0.04)
    np.testing.assert_allclose(cube.images_err, expected, rtol=1.3e-4)
    assert not cube.quality.any()
    np.testing.assert_allclose(read_sum_image(path), cube.images.mean(axis=0), atol=1e-3)
    assert np.median(np.abs(np.median(cube.images, axis=(1, 2)))) < 1.0
    assert (header.aperture & 1).all()
    assert header.ephemeris.position.shape == (N_FRAME, 3)
    assert header.ephemeris.source == "place of the Earth"


def test_backgrounds_that_are_subtracted_are_those_that_are_stored(builder, tmp_path, monkeypatch):
    def of_so_many_rows(background, grid, rows=slice(None)):
        made = background_image(background, grid, rows)
        return made + len(made) / np.float32(256)

    monkeypatch.setattr("photometry.ccd.ccd_pixels._ROWS_AT_ONCE", 40)
    monkeypatch.setattr("photometry.ccd.ccd_pixels.background_image", of_so_many_rows)
    cube = read_cube(made(builder, tmp_path / "cube.hdf5"))
    measured = np.stack([builder.image(number) for number in range(N_FRAME)])[:, :96, 44:140]
    np.testing.assert_allclose(cube.images + cube.backgrounds, measured, rtol=2e-7, atol=2e-5)


def test_a_part_is_read_as_of_any_cube(builder, tmp_path):
    path = made(builder, tmp_path / "cube.hdf5")
    stamp = Stamp(20, 50, 70, 100)
    np.testing.assert_array_equal(read_cube(path, stamp, slice(2, 5)).images, read_cube(path).cut(stamp).images[2:5])


def test_pixels_are_flagged(tmp_path):
    builder = FfiBuilder(tmp_path / "ffi")
    for number in range(4):
        image = builder.image(number)
        image[10, 60] = np.nan
        image[20, 70] = 0.0
        image[30, 80] = 1.2e5
        if number == 2:
            image[40, 90] = np.inf
            image[50, 100] = 0.0
        builder.write(number, image=image)
    cube = read_cube(made(builder, tmp_path / "cube.hdf5"))
    flags = cube.pixel_flags
    dead = flagged(PIXEL_FLAGS, flags, "dead")
    assert np.argwhere(dead[0]).tolist() == [[10, 16], [20, 26]]
    np.testing.assert_array_equal(dead, np.broadcast_to(dead[0], dead.shape))
    np.testing.assert_array_equal(flagged(PIXEL_FLAGS, flags, "not_measured")[:, 40, 46], [0, 0, 1, 0])
    np.testing.assert_array_equal(flagged(PIXEL_FLAGS, flags, "not_measured")[:, 50, 56], [0, 0, 1, 0])
    np.testing.assert_array_equal(flagged(PIXEL_FLAGS, flags, "not_measured"), ~np.isfinite(cube.images))
    assert flagged(PIXEL_FLAGS, flags, "saturated")[:, 30, 36].all()
    assert flagged(PIXEL_FLAGS, flags, "used_for_background").mean() > 0.3
    assert not flagged(PIXEL_FLAGS, flags, "used_for_background")[dead].any()


def test_bad_frames_are_cadences_without_pixels_and_listed(builder, tmp_path, caplog):
    builder.write(1, image=np.zeros_like(builder.image(1)))
    content = bytearray(builder.path(3).read_bytes())
    content[40000] ^= 4
    builder.path(3).write_bytes(content)
    builder.path(4).write_bytes(bytes(builder.path(4).read_bytes()[:90000]))
    again = tmp_path / "ffi" / "again" / builder.path(5).name
    builder.write(5, path=again)
    builder.path(0).unlink()
    path = made(builder, tmp_path / "cube.hdf5")
    cube = read_cube(path)
    np.testing.assert_array_equal(cube.cadenceno, 4697 + np.array([1, 2, 3, 4, 5, 6]))
    np.testing.assert_array_equal(cube.quality, [128, 0, 128, 128, 0, 0])
    np.testing.assert_array_equal(np.isnan(cube.images).all(axis=(1, 2)), cube.quality == 128)
    np.testing.assert_array_equal(np.isnan(cube.images_err).all(axis=(1, 2)), cube.quality == 128)
    assert np.isfinite(cube.backgrounds).all()
    assert flagged(PIXEL_FLAGS, cube.pixel_flags[[0, 2, 3]], "not_measured").all()
    with h5py.File(path) as file:
        listing = read_list(file["frames"])
    assert listing.status.tolist() == ["no_pixels", "ok", "no_pixels", "unreadable", "ok", "ok", "duplicate"]
    assert "all are zero" in listing.reason[0]
    assert "disagree with the checksum" in listing.reason[2]
    assert "truncated" in listing.reason[3]
    assert f"{builder.path(1).name}: no pixel has a value" in caplog.text


@pytest.mark.parametrize("what", ["constant", "noise", "another field", "mirrored", "tenfold"])
def test_a_frame_that_the_stars_are_not_on_has_no_pixels(builder, tmp_path, what, caplog):
    image = builder.image(2)
    area = image[:96, 44:140]
    image[:96, 44:140] = {
        "constant": 100.0,
        "noise": np.random.default_rng(3).normal(100, 30, area.shape),
        "another field": np.roll(area, (31, 17), axis=(0, 1)),
        "mirrored": area[::-1],
        "tenfold": 10 * area,
    }[what]
    builder.write(2, image=image)
    path = made(builder, tmp_path / "cube.hdf5")
    cube = read_cube(path)
    assert cube.quality.tolist() == [0, 0, 128, 0, 0, 0, 0]
    assert np.isnan(cube.images).all(axis=(1, 2)).tolist() == [False, False, True, False, False, False, False]
    with h5py.File(path) as file:
        listing = read_list(file["frames"])
    assert listing.status.tolist() == ["ok", "ok", "no_stars", "ok", "ok", "ok", "ok"]
    assert f"{builder.path(2).name}: it does not show the stars that the other frames show (no_stars)" in caplog.text


def test_a_frame_without_a_background_has_no_pixels(builder, tmp_path):
    """All saturated, as when the Sun's light gets in: its pixels would hold the background as if it were stars."""
    builder.write(2, image=np.full_like(builder.image(2), 1.2e5))
    path = made(builder, tmp_path / "cube.hdf5")
    cube = read_cube(path)
    assert cube.quality.tolist() == [0, 0, 128, 0, 0, 0, 0]
    assert np.isnan(cube.images[2]).all()
    assert np.isnan(cube.images_err[2]).all()
    assert not cube.backgrounds[2].any()
    assert flagged(PIXEL_FLAGS, cube.pixel_flags[2], "not_measured").all()
    assert np.isfinite(np.delete(cube.images, 2, axis=0)).all()
    with h5py.File(path) as file:
        listing = read_list(file["frames"])
    assert (listing.status[2], listing.reason[2]) == (
        "no_background",
        "none of its pixels tells the background (all saturated or masked)",
    )


def test_a_checksum_alone_counts(builder, tmp_path):
    # Frames of the archive have no DATASUM; without it the CHECKSUM of this one is not right any more.
    content = builder.path(2).read_bytes()
    builder.path(2).write_bytes(content.replace(b"DATASUM =", b"NOTASUM =", 2))
    path = made(builder, tmp_path / "cube.hdf5")
    with h5py.File(path) as file:
        assert "disagrees with its CHECKSUM" in read_list(file["frames"]).reason[2]
    assert read_cube(path).quality.tolist() == [0, 0, 128, 0, 0, 0, 0]


def test_mars_is_left_out(tmp_path):
    area = Stamp(0, 40, 1560, 1600)
    builder = FfiBuilder(tmp_path / "ffi", area=area)
    for number in (26, 27, 28, 29):
        builder.write(number, image=np.full((70, 1644), 100, dtype=np.float32))
    cube = read_cube(made(builder, tmp_path / "cube.hdf5"))
    spoilt = np.arange(1560, 1600) >= 1580
    np.testing.assert_array_equal(np.isnan(cube.images[:2]).all(axis=1), np.stack([spoilt, spoilt]))
    assert np.isfinite(cube.images[2:]).all()
    np.testing.assert_array_equal(flagged(PIXEL_FLAGS, cube.pixel_flags[1], "excluded").all(axis=0), spoilt)
    assert not flagged(PIXEL_FLAGS, cube.pixel_flags[2:], "excluded").any()
    used = flagged(PIXEL_FLAGS, cube.pixel_flags, "used_for_background")
    assert used[2:, :, spoilt].any()
    assert not used[:2, :, spoilt].any()


def test_without_pixels_the_sector_stops(tmp_path):
    builder = FfiBuilder(tmp_path / "ffi")
    for number in range(3):
        builder.write(number, image=np.zeros_like(builder.image(number)))
    with pytest.raises(InputFileError, match="none of 3 frames that were tried has pixels"):
        made(builder, tmp_path / "cube.hdf5")


def test_frames_with_stale_checksums_say_so(tmp_path):
    """Images of the archive have no DATASUM: a CHECKSUM that a tool has not renewed cannot be told from damage."""
    builder = FfiBuilder(tmp_path / "ffi")
    for number in range(3):
        path = builder.write(number)
        with fits.open(path) as hdus:
            for hdu in hdus:
                hdu.header["COMMENT"] = "touched by a program"
                hdu.header.remove("DATASUM", ignore_missing=True)
            hdus.writeto(path.with_suffix(".new"))
        path.with_suffix(".new").replace(path)
    words = r"none of 3 frames .* can be used; the first: .*_ffic.fits: HDU PRIMARY disagrees with its CHECKSUM"
    with pytest.raises(InputFileError, match=words):
        made(builder, tmp_path / "cube.hdf5")


def _stars_of_the_builder(rows=0.0, columns=0.0):
    number = np.arange(1, 20)
    places = np.array([np.random.default_rng([1, star]).uniform([2, 46], [93, 137]) for star in number])
    tmag = ZERO_POINT_TMAG - 2.5 * np.log10(500 * number * 2 * np.pi)
    return Stars(number, places[:, 0] + rows, places[:, 1] + columns, tmag)


def test_stars_that_are_not_where_the_reference_places_them_stop_the_ccd(builder, tmp_path):
    """Each frame has the same wrong WCS, so none tells on the others."""
    with pytest.raises(
        InputFileError, match=r"the stars are 9 rows and -20 columns from where its WCS and the catalogue"
    ):
        made(builder, tmp_path / "cube.hdf5", _stars_of_the_builder(-9, 20))
    path = made(builder, tmp_path / "cube.hdf5", _stars_of_the_builder(0.4, -0.4))
    assert not read_cube(path).quality.any()


def test_many_bright_stars_that_are_nowhere_stop_the_ccd(builder, tmp_path):
    rng = np.random.default_rng(4)
    stars = Stars(np.arange(1, 151), rng.uniform(0, 96, 150), rng.uniform(44, 140, 150), rng.uniform(8, 11.9, 150))
    with pytest.raises(InputFileError, match=r"the stars \(148 are brighter than T=12\) are not where its WCS"):
        made(builder, tmp_path / "cube.hdf5", stars)


def test_equal_frames_give_equal_bytes(builder, tmp_path):
    first = made(builder, tmp_path / "cube.hdf5").read_bytes()
    assert made(builder, tmp_path / "cube.hdf5").read_bytes() == first


def test_blocks_may_be_made_in_any_order_and_again(builder, tmp_path):
    """What Snakemake does on several nodes, and after a kill."""
    undisturbed = made(builder, tmp_path / "undisturbed.hdf5")
    frames = read_frames(tmp_path / "undisturbed.frames")
    steps = CcdSteps(tmp_path / "parts", frames, block=3, chunk=3)
    steps.light(NO_STARS)
    for number in (2, 0, 1, 0):
        steps.describe(number)
    steps.smooth()
    for number in (1, 2, 1, 0):
        steps.measure(number)
    # The same path: its name is in no product, but its digest is in what is made of it.
    steps.assemble(tmp_path / "cube.hdf5", {"frames": tmp_path / "undisturbed.frames"})
    assert (tmp_path / "cube.hdf5").read_bytes() == undisturbed.read_bytes()


def test_what_a_killed_job_was_writing_is_removed(builder, tmp_path):
    path = made(builder, tmp_path / "cube.hdf5")
    steps = CcdSteps(tmp_path / "parts", read_frames(path.with_suffix(".frames")), block=6, chunk=3)
    steps.folder.mkdir()
    (steps.folder / ".light.hdf5.abcd1234.hdf5").touch()
    steps.light(NO_STARS)
    assert [item.name for item in steps.folder.iterdir()] == ["light.hdf5"]


def test_duplicates_may_leave_a_block_empty(builder, tmp_path):
    """Blocks are planned from names alone."""
    before = made(builder, tmp_path / "cube.hdf5")
    for number in range(6):
        builder.write(number, path=tmp_path / "ffi" / "again" / builder.path(number).name)
    (region,) = inspect_ffis(builder.folder, builder.area)
    assert n_block_of(len(region.paths), 6) == 3
    after = made(builder, tmp_path / "again.hdf5")
    for name in PIXEL_SETS:
        np.testing.assert_array_equal(datasets(after)[name], datasets(before)[name])
