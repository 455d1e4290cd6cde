"""Templates of headers: blanks are filled, and nothing else is."""

import pytest

from photometry.simulate.header_templates import filled_template

VALUES = {
    "DATE": "2020-04-18",
    "TSTART": 1928.25,
    "TSTOP": 1928.5,
    "DATE-OBS": "2020-03-19T14:29:42.708Z",
    "DATE-END": "2020-03-19T14:59:42.708Z",
    "PROCVER": "photometry",
    "DATA_REL": 5,
    "SCCONFIG": 120,
    "FFIINDEX": 33631,
    "CRMITEN": True,
    "CRBLKSZ": 10,
}


def test_blanks_are_filled_in_the_order_of_the_template():
    cards = filled_template("ffi_primary", VALUES)
    assert cards[0] == ("SIMPLE", True, "conforms to FITS standards")
    assert [key for key, _, _ in cards[7:13]] == ["SIMDATA", "SIMULATD", "ORIGIN", "DATE", "TSTART", "TSTOP"]
    assert {key: value for key, value, _ in cards if key in VALUES} == VALUES


def test_more_cards_follow_their_key():
    more = [("FIRST", 1, ""), ("SECOND", 2, "")]
    cards = filled_template("ffi_primary", VALUES, {"DATE": more})
    place = [key for key, _, _ in cards].index("DATE")
    assert cards[place + 1 : place + 3] == more


@pytest.mark.parametrize("values", [VALUES | {"ORIGIN": "elsewhere"}, VALUES | {"NOWHERE": 1}])
def test_values_without_a_blank_are_refused(values):
    with pytest.raises(KeyError, match=r"ffi_primary has no blank value for (ORIGIN|NOWHERE)"):
        filled_template("ffi_primary", values)


def test_a_blank_without_a_value_is_refused():
    with pytest.raises(KeyError, match="DATE"):
        filled_template("ffi_primary", {key: value for key, value in VALUES.items() if key != "DATE"})
