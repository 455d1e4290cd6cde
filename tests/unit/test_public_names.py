"""Names of the package: what `dir` lists, and what is there after `import photometry`."""

import subprocess
import sys

import photometry

DOCUMENTED = {
    *("PSF", "STATUS", "BasePhotometry", "ImageMovementKernel", "PSFPhotometry"),
    *("__version__", "light_curves", "load_settings", "read_lightcurve"),
}
MODULES = {"image_motion", "psf", "psf_photometry"}


def test_dir_lists_the_documented_names_and_no_others():
    assert photometry.PSFPhotometry
    assert set(dir(photometry)) == DOCUMENTED | MODULES
    assert set(photometry.__all__) == DOCUMENTED


def test_documented_modules_are_there_after_the_import_of_the_package():
    code = """
import photometry
assert photometry.image_motion.ImageMovementKernel is photometry.ImageMovementKernel
assert photometry.psf.PSF is photometry.PSF
assert photometry.psf_photometry.PSFPhotometry is photometry.PSFPhotometry
assert not hasattr(photometry, "base")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
