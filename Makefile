# Two commands do all the set-up on a fresh machine that has git, make and Python 3.11 or later:
#   make demo    a small model trained on real scenes where GEOFAST_DATA names them, else on synthetic towns; results in demo/
#   make test    every notebook and every check of the repository
# Set PYTHON to choose the interpreter: make test PYTHON=/opt/python3.12/bin/python3

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: help demo test experiments docs readme export clean

PYTHON  ?= $(shell command -v python3.11 || command -v python3 || echo python3)
VENV    := .venv
PY      := $(VENV)/bin/python
SETUP   := constraints.txt settings.ini setup.py pyproject.toml
PIP     := $(PY) -m pip --disable-pip-version-check -qq
# uv installs in a third of pip's time; where it cannot be had or cannot reach the index that pip is told of, pip does it
install  = { $(PIP) install -c constraints.txt uv && $(VENV)/bin/uv pip install -q --python $(PY) -c constraints.txt -e '.[$(1)]'; } \
	|| $(PIP) install -c constraints.txt -e '.[$(1)]'
export NO_ALBUMENTATIONS_UPDATE := 1
# uv leaves compiling to the first import: dozens of processes start here, and each would compile all of torch again
unexport PYTHONDONTWRITEBYTECODE

help:
	@echo "make demo     train on some towns, predict one never seen; results in demo/"
	@echo "make test     all notebooks and checks; the last line counts them"
	@echo "make experiments   the notebooks that have a budget, in full, outputs stored: an hour on two cores"
	@echo "make docs     build the site from the notebooks into _docs/ and check its links"
	@echo "make readme   render README.md from nbs/index.ipynb"
	@echo "make export   clean the notebooks and export geofast/ from them"
	@echo "make clean    remove .venv and everything that the commands made"

$(PY):
	@command -v $(PYTHON) >/dev/null || { echo "geofast needs Python 3.11 or later, and there is no $(PYTHON). Name one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import sys; v=sys.version_info[:2]; v>=(3,11) or sys.exit("geofast needs Python 3.11 or later; \
	"+sys.executable+" is "+sys.version.split()[0]+". Name another one: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)")'
	@echo "== making $(VENV) with $$($(PYTHON) --version), $$(command -v $(PYTHON))"
	@$(PYTHON) -m venv $(VENV) || { echo "python -m venv failed: on Debian and Ubuntu, apt install python3-venv"; rm -rf $(VENV); exit 1; }

# torch and torchvision come as a pair from the package index; constraints.txt names both versions
$(VENV)/.demo: $(PY) $(SETUP)
	@echo "== installing geofast-eo[train] with the versions of constraints.txt (5 GB with torch: minutes the first time)"
	@$(call install,train)
	@touch $@

$(VENV)/.test: $(PY) $(SETUP)
	@echo "== installing geofast-eo[dev] with the versions of constraints.txt (5 GB with torch: minutes the first time)"
	@$(call install,dev)
	@touch $@ $(VENV)/.demo

demo: $(VENV)/.demo
	@echo "== geofast demo --out demo"
	@$(VENV)/bin/geofast demo --out demo

test: $(VENV)/.test
	@echo "== tools/check.py"
	@$(PY) tools/check.py

experiments: $(VENV)/.test
	@$(PY) tools/experiments.py

docs: $(VENV)/.test
	@echo "== building and checking the site"
	@$(PY) tools/docs.py

readme: $(VENV)/.test
	@$(PY) tools/readme.py

export: $(VENV)/.test
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" nbdev_clean
	@PATH="$(CURDIR)/$(VENV)/bin:$$PATH" nbdev_export
	@$(PY) tools/readme.py

clean:
	rm -rf $(VENV) demo _docs _proc _site build dist *.egg-info
