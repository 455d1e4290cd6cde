# Every target makes its own environment in .venv when it is missing or older than pyproject.toml.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed
CORES ?= 2
# One thread per job: Snakemake runs the jobs side by side.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1

.PHONY: install demo test lint site benchmark clean
.DEFAULT_GOAL := demo

$(INSTALLED): pyproject.toml
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed; name it: make PYTHON=/path/to/python3.12" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

install: $(INSTALLED)

demo: $(INSTALLED)
	$(BIN)/tess-psf demo --cores $(CORES)
	$(BIN)/python docs/make_picture.py --output demo/results/blended_binary.png
	@echo 'The picture of README.md, from these results: demo/results/blended_binary.png'

test: $(INSTALLED)
	$(BIN)/python -m pytest -n $(CORES) --dist loadscope --no-loadscope-reorder --durations=20

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile rules workflow
	$(BIN)/snakemake --lint --configfile demo/simulate.yaml

site: $(INSTALLED)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

benchmark: $(INSTALLED)
	for name in accuracy speed peers; do $(BIN)/python -m benchmarks.$$name || exit 1; done

clean:
	rm -rf demo/data demo/results
