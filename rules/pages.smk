"""The page that one browses, report/index.html: static, from the products alone.

page_data packs what it shows of a region, page what it shows of the run. Tiles, tables and pages of single targets are no
declared outputs: those that did not change keep their bytes and dates. The first lines of report/data/{region}.js and of
the page list them with their sizes and digests, as indices do with light curves.
"""


rule page_data:
    """Pack light curves, pixels, motion and background of {wildcards.region} for the page; tiles that did not change stay."""
    input:
        cube=cube_of_region,
        prf=rules.effective_prf.output.prf,
        kernel=rules.effective_prf.output.kernel,
        unlisted=rules.effective_prf.output.unlisted,
        fluxes=fluxes_of,
        indices=indices_of,
        trends=trends_of,
    output:
        **packed("report/{region}"),
        page=ensure("<results>/report/data/{region}.js", non_empty=True),
    log:
        "<logs>/page_data/{region}.log",
    benchmark:
        "<benchmarks>/page_data/{region}.tsv"
    group:
        group_of("plots")
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=plots_mb_of,
        runtime=minutes(1, 0, 0.1),
        lane=1,
    params:
        code=code_of("page_data"),
        rerun_on_losses=lambda wildcards: RUN.losses.get(page_mark(wildcards.region)),
        output=subpath(output.page, ancestor=3),
    script:
        "../scripts/page_data.py"


rule page:
    """Put the page together that one browses: overview, tables of targets, a page for each target asked for by number."""
    input:
        summary=rules.summary.output.summary,
        regions=all_page_files,
        packed=packed_pages,
        batches=done_batches(),
    output:
        **packed("page"),
        page=ensure(f"<results>/{PAGE}", non_empty=True),
    log:
        "<logs>/page.log",
    benchmark:
        "<benchmarks>/page.tsv"
    localrule: True
    conda:
        "../envs/photometry.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 1500 * attempt,
    params:
        rerun_on_code=[code_of("page"), code_digest()],
        rerun_on_losses=RUN.losses.get(page_mark()),
        regions=lambda wildcards: list(map(here, page_files(RUN.regions))),
        version=lookup("version", within=SETTINGS),
        asked=asked_by_number(),
        output=subpath(output.page, ancestor=2),
    script:
        "../scripts/page.py"
