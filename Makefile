# Every target makes its own environment in .venv when it is missing or older than pyproject.toml.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
CORES ?= 2
# One thread per job: Snakemake runs the jobs side by side.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: install demo test lint benchmark clean
.DEFAULT_GOAL := demo

$(INSTALLED): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[workflow,dev]'
	touch $@

install: $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/snakemake --cores $(CORES) --quiet host rules reason --configfile demo/simulate.yaml
	$(BIN)/snakemake --cores $(CORES) --quiet host rules reason --configfile demo/config.yaml
	$(BIN)/snakemake verify --cores 1 --quiet host rules reason --configfile demo/config.yaml
	$(BIN)/snakemake --cores $(CORES) --quiet all --configfile demo/config.yaml --report demo/results/report.html
	$(BIN)/python docs/make_picture.py --output demo/results/blended_binary.png
	@echo
	@echo "A blend       demo/results/blended_binary.png"
	@echo "Light curves  demo/results/lightcurves ($$(find demo/results/lightcurves -name '*_lc.fits' | wc -l) files)"
	@echo "Summary       demo/results/summary_v01.ecsv"
	@echo "Plots         demo/results/plots"
	@echo "Report        demo/results/report.html"

test: $(INSTALLED)
	$(BIN)/python -m pytest -n $(CORES) --dist loadscope --no-loadscope-reorder --durations=20

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules
	$(BIN)/snakemake --lint --configfile demo/simulate.yaml

benchmark: $(INSTALLED)
	for name in accuracy speed peers; do $(BIN)/python -m benchmarks.$$name || exit 1; done

clean:
	rm -rf demo/data demo/results
