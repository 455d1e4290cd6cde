"""What the settings ask for, all in all: the products of the observations, or simulated pixels."""


def multi_sector_files():
    """Return the light curves in all sectors of stars that MAST was asked for by number."""
    return collect(f"<results>/{MULTI_SECTOR}", starid=regions_of_stars())


def prepared_files():
    """Return all files of prepared/: a light curve can be there without them, a notebook needs them."""
    ccds = [
        name
        for name, region in SINGLE.items()
        if DATASOURCES[region.observation["datasource"]].whole_ccd
    ]
    asked = list(filter(is_downloaded, SINGLE))
    fitted = list(filter(tiles_of_targets, SINGLE))
    return [
        *of_all(rules.frames.output.frames, region=ccds),
        *of_all(rules.download_catalog.output.stars, region=asked),
        *of_all(rules.stars.output.stars, region=asked),
        *collect("<results>/prepared/{region}.hdf5", region=SINGLE),
        *of_all(rules.catalog.output.catalog, region=fitted),
        *target_lists(),
        *of_all(rules.movement_kernel.output.kernel, region=fitted),
        *of_all(rules.effective_prf.output, region=fitted),
        *collect(
            "<results>/prepared/trends_{region}.fits", region=filter(has_trends, fitted)
        ),
    ]


def fluxes():
    """Return the fluxes of all tiles that may have targets."""
    return [
        f"<results>/photometry/{name}/{tile}.hdf5"
        for name in SINGLE
        for tile in tiles_of_targets(name)
    ]


def target_lists():
    """Return the target lists of the regions that have jobs of their own."""
    return target_files(SINGLE)


def target_files(regions):
    """Return the target lists of regions."""
    return [
        f"{SETTINGS['output']}/prepared/targets_{region}.ecsv" for region in regions
    ]


def plots():
    """Return the plots of all regions that have targets; none where the settings ask for none."""
    if not SETTINGS["plots"]:
        return []
    regions = list(filter(tiles_of_targets, SINGLE))
    return [
        *of_all(rules.plots.output, region=regions),
        *of_all(rules.trend_plots.output, region=filter(has_trends, regions)),
    ]


def page_files(regions):
    """Return what the page shows of regions that have targets."""
    return [
        f"{SETTINGS['output']}/{PAGE_FOLDER}/data/{region}.js"
        for region in filter(tiles_of_targets, regions)
    ]


def all_page_files(wildcards):
    """Return what the page shows of all regions that are measured by jobs of their own."""
    return page_files(SINGLE)


def asked_by_number():
    """Return the TIC numbers that were asked for, by region; none of a region where a table of targets has them."""
    observations = {name: region.observation for name, region in RUN.regions.items()}
    return {
        name: list(observation.get("asked_for", ()))
        for name, observation in observations.items()
        if observation.get("asked_for") or observation["targets"] != "all"
    }


def pages():
    """Return the page that one browses, and what it shows of regions; none where the settings ask for none."""
    return [rules.page.output.page, *page_files(SINGLE)] if SETTINGS["report"] else []


def wanted_products(wildcards):
    """Return what the settings ask for: the products of the observations, or simulated pixels."""
    if not RUN.regions:
        return rules.simulate.input
    return [
        rules.summary.output.summary,
        *prepared_files(),
        *fluxes(),
        *plots(),
        *pages(),
        *multi_sector_files(),
        *done_batches(),
        *of_all(rules.unusable_input.output, number=range(len(RUN.unusable))),
    ]
