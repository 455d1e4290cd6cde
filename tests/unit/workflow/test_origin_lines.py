"""Where the page is, as seen from Snakemake's report."""

import pytest

from photometry.workflow.origin_lines import page_link


@pytest.mark.parametrize(
    ("arguments", "link"),
    [
        (["snakemake", "--report"], "my%20results/report/index.html"),
        (["snakemake", "--report", "all"], "my%20results/report/index.html"),
        (["snakemake", "--report", "my results/report.html"], "report/index.html"),
        (["snakemake", "--report=elsewhere/deep/a.html"], "../../my%20results/report/index.html"),
        (["snakemake"], "my%20results/report/index.html"),
    ],
)
def test_the_link_leads_from_the_report_to_the_page(tmp_path, monkeypatch, arguments, link):
    monkeypatch.chdir(tmp_path)
    page = tmp_path / "my results/report/index.html"
    assert page_link("my results/report/index.html", arguments) == ""
    page.parent.mkdir(parents=True)
    page.write_text("page")
    assert page_link("my results/report/index.html", arguments) == link
