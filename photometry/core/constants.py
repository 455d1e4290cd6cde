"""TESS numbers, each with its source.

IH: TESS Instrument Handbook v0.1 (Vanderspek et al. 2018). SDPDD: TESS Science Data Products Description Document,
EXP-TESS-ARC-ICD-0014 Rev F (Tenenbaum & Jenkins 2020).
"""

__all__ = [
    "ARCSEC_PER_PIXEL",
    "BTJD_OFFSET",
    "CATALOG_EPOCH_YEAR",
    "COLUMNS_PER_OUTPUT",
    "FIRST_SCIENCE_COLUMN",
    "FRAME_SHAPE",
    "FRAME_TIME_S",
    "INT_TIME_S",
    "LARGEST_E_S",
    "LARGEST_TIMECORR_D",
    "MOST_SECTOR",
    "N_SCIENCE_COLUMNS",
    "N_SCIENCE_ROWS",
    "OUTPUTS",
    "PRF_SAMPLES_PER_PIXEL",
    "READ_TIME_S",
    "SATURATION_E_S",
    "ZERO_POINT_TMAG",
]

#: Pixel scale in arcsec (IH, section 2).
ARCSEC_PER_PIXEL = 21.0

#: Names of files have four digits for the sector (SDPDD, section 2.1); 1751 is the largest so far.
MOST_SECTOR = 9999

#: Tmag of a star of 1 e-/s, from 1.514e6 e-/s at T=5 and T=10: 15,000 e-/s (IH, section 6.1).
ZERO_POINT_TMAG = 20.44

#: Rows of the science area (SDPDD, section 3.2); the science rows are 0 to 2047.
N_SCIENCE_ROWS = 2048
#: Columns of the science area.
N_SCIENCE_COLUMNS = 2048
#: First 0-based column of the science area, behind 44 leading virtual columns (SDPDD, section 3.2).
FIRST_SCIENCE_COLUMN = 44
#: Rows and columns of a full-frame image: 30 buffer, smear and virtual rows above the science area, 44 virtual columns
#: on either side of it (SDPDD, section 3.2; keys VROWE and TVCED).
FRAME_SHAPE = (2078, 2136)
#: Science columns of each of the four CCD outputs (IH, section 4).
COLUMNS_PER_OUTPUT = 512
#: Names of the CCD outputs, by increasing column (SDPDD, table 22).
OUTPUTS = ("A", "B", "C", "D")

#: Photon accumulation time of one readout, s: 2 s less 0.02 s of frame transfer (IH, section 5; key INT_TIME).
INT_TIME_S = 1.98

#: Time in which an image is moved away and read, s (IH, section 5; key READTIME).
READ_TIME_S = 0.02
#: Time of one readout, photon accumulation and frame transfer, s (IH, section 5; key FRAMETIM).
FRAME_TIME_S = 2.0

#: Flux at which a pixel saturates, e-/s: full well of about 200,000 e- in 1.98 s (IH, section 4.1); pixels of real
#: bright stars level off between 1.00e5 and 1.05e5 e-/s.
SATURATION_E_S = 1.0e5

#: Beyond this, above zero and below, a value is no measurement, e-/s: ten times what a pixel holds in every readout.
LARGEST_E_S = 10 * SATURATION_E_S

#: Beyond this a barycentric correction is none, d: light needs 0.0059 d from the Sun to TESS at aphelion.
LARGEST_TIMECORR_D = 0.01

#: Julian date of BTJD 0 (SDPDD, section 2.2; keys BJDREFI, BJDREFF).
BTJD_OFFSET = 2457000.0

#: Julian year of the TIC's positions (Stassun et al. 2019, AJ 158, 138, section 2: J2000 after proper motion).
CATALOG_EPOCH_YEAR = 2000.0

#: Samples per pixel and axis of the SPOC PRF files (key NSAMP).
PRF_SAMPLES_PER_PIXEL = 9
