import pytest

from photometry.core.errors import PhotometryError
from photometry.workflow.config_schema import config_schema
from photometry.workflow.observation_table import read_observation_table, with_observation_table

SCHEMA = config_schema()
ITEM = SCHEMA["properties"]["observations"]["items"]
HEAD = "datasource,input,catalog,prf,targets,tmag_limit\n"


def table(folder, text):
    path = folder / "obs.csv"
    path.write_text(text)
    return path


def test_rows_are_observations_with_defaults(tmp_path):
    path = table(tmp_path, f'\ufeff{HEAD}# first year\nffi, a,"b, c.csv",mast,t,14.5\n\ntpf,d,e.csv,model,,\n')
    auto = {"first_pixel": "auto", "middle": "targets", "sectors": "all", "cutout_size": 64}
    auto |= {"camera": "none", "ccd": "none", "most_gb": 100.0}
    assert read_observation_table(path, ITEM) == [
        {
            "datasource": "ffi",
            "input": "a",
            "catalog": "b, c.csv",
            "prf": "mast",
            "targets": "t",
            "tmag_limit": 14.5,
            **auto,
        },
        {
            "datasource": "tpf",
            "input": "d",
            "catalog": "e.csv",
            "prf": "model",
            "targets": "all",
            "tmag_limit": 15.0,
            **auto,
        },
    ]


def test_settings_with_a_list_stay_as_they_are(tmp_path):
    given = {"output": "results", "observations": [{"input": "a"}]}
    assert with_observation_table(given, SCHEMA) == given
    assert with_observation_table({"output": "results"}, SCHEMA) == {"output": "results"}
    path = str(table(tmp_path, "prf,input,catalog,datasource\nmodel,a,b,tpf\n"))
    found = with_observation_table({"observations": path}, SCHEMA)
    assert found["observations"][0]["input"] == "a"


PROBLEMS = {
    "column": (
        "datasource,input,catalogue,prf\ntpf,a,b,c\n",
        "column 'catalogue' is not known; did you mean 'catalog'?",
    ),
    "strange column": (f"zebra,{HEAD}", "has no rows; give a line with the keys"),
    "two columns": ("input,input\na,b\n", "has two columns 'input'; remove one"),
    "missing column": ("datasource,input,catalog\ntpf,a,b\n", ", row 1: key 'prf' is missing; add it: folder of SPOC"),
    "empty field": (f"{HEAD}tpf,a,b,c,,\ntpf,,b,c,,\n", ", row 2: key 'input' is missing; add it: pixel file"),
    "choice": (f"{HEAD}kepler,a,b,c,,\n", ", row 1: datasource: 'kepler' cannot be used, expected one of tesscut"),
    "number": (f"{HEAD}tpf,a,b,c,,bright\n", ", row 1: tmag_limit: 'bright' cannot be used, expected a number"),
    "few fields": (f"{HEAD}tpf,a,b,c,,\ntpf,a,b\n", "row 2 has 3 fields, expected 6: datasource, input"),
    "empty": ("", "has no rows"),
    "quote": (f'{HEAD}tpf,"a,b,c,,\n', "cannot be read as a table of observations"),
}


@pytest.mark.parametrize(("text", "message"), PROBLEMS.values(), ids=PROBLEMS)
def test_messages_name_file_and_row(tmp_path, text, message):
    with pytest.raises(PhotometryError) as caught:
        read_observation_table(table(tmp_path, text), ITEM)
    assert str(caught.value).startswith(str(tmp_path / "obs.csv"))
    assert message in str(caught.value)


def test_missing_and_unreadable_tables(tmp_path):
    with pytest.raises(PhotometryError, match=r"nowhere.csv: no such file; correct the key 'observations'"):
        read_observation_table(tmp_path / "nowhere.csv", ITEM)
    (tmp_path / "obs.csv").write_bytes(bytes(range(128, 256)))
    with pytest.raises(PhotometryError, match="cannot be read as a table of observations"):
        read_observation_table(tmp_path / "obs.csv", ITEM)


@pytest.mark.parametrize("field", ["287 387", '"[287, 387]"', '"287,387"', '" -9  35 "'])
def test_place_of_the_first_pixel(tmp_path, field):
    path = table(tmp_path, f"datasource,input,catalog,prf,first_pixel\ntesscut,a,b,model,{field}\n")
    (observation,) = read_observation_table(path, ITEM)
    assert observation["first_pixel"] == ([-9, 35] if "-" in field else [287, 387])


@pytest.mark.parametrize("field", ["287", "287 387 3", "here", "287.5 387"])
def test_what_is_no_place(tmp_path, field):
    path = table(tmp_path, f"datasource,input,catalog,prf,first_pixel\ntesscut,a,b,model,{field}\n")
    with pytest.raises(
        PhotometryError,
        match=r"row 1: first_pixel: .* cannot be used, expected one of these forms .*\| \[row, column\]",
    ):
        read_observation_table(path, ITEM)
