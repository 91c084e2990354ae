# SPDX-License-Identifier: MIT
"""The kept figures are what R's survival (tests/data/survival), and NumPy and SciPy
(tests/data/compared), make of the same samples."""
import csv
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(os.environ["CCMSWEEP_SOURCE"]) / "tests/data"
KEPT = DATA / "survival"
TOLERANCE = 1e-9


def rscript(*words):
    return subprocess.run(["Rscript", *map(str, words)], capture_output=True, text=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder in which R has made all of it anew."""
    if shutil.which("Rscript") is None or rscript("-e", "library(survival)").returncode != 0:
        pytest.skip("R with its package survival is not installed")
    folder = tmp_path_factory.mktemp("survival")
    for script in ("cases.R", "survival.R"):
        done = rscript(KEPT / script, folder)
        assert done.returncode == 0, done.stderr
    return folder


def rows(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def same(got, want):
    """The same text, or the same number but for rounding."""
    try:
        return got == want or math.isclose(float(got), float(want), rel_tol=TOLERANCE,
                                           abs_tol=1e-12)
    except ValueError:
        return False


def assert_same(made, kept, name):
    """The table is the same in both folders, but for rounding."""
    got, want = rows(made / f"{name}.csv"), rows(kept / f"{name}.csv")
    assert len(got) == len(want) > 1
    wrong = [(number, ours, theirs)
             for number, (ours, theirs) in enumerate(zip(got, want), 1)
             if len(ours) != len(theirs) or not all(map(same, ours, theirs))]
    assert not wrong, wrong[:5]


@pytest.mark.parametrize("name", ["cases", "curves", "means", "quantiles", "incidence", "logrank",
                                  "shares"])
def test_made_anew(made, name):
    assert_same(made, KEPT, name)


def test_comparisons_made_anew(tmp_path):
    pytest.importorskip("scipy")
    done = subprocess.run([sys.executable, DATA / "compared/compared.py", tmp_path],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for name in ("cases", "figures"):
        assert_same(tmp_path, DATA / "compared", name)
