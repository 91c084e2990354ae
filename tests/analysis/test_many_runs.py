# SPDX-License-Identifier: MIT
"""Five thousand runs: what aggregate and the report read of them is what they need."""
import json
import sys

import numpy as np
import pytest
import synthetic
from aggregate_case import SMALL
from peak import peak_of
from program import PROGRAM
from sweep_case import SANITIZED, SOURCE
from synthetic import CENSORED, DIVERGED, STOPPED

RUNS = 5000
GRID = "  actor_lr: {logspace: [1.0e-4, 0.1], count: %d}\n  critic_lr: [0.01, 0.001]\n  seed: 1-%d\n"


@pytest.fixture(scope="module", params=[(10, 250), (250, 10)], ids=["20x250", "500x10"])
def path(request, tmp_path_factory):
    rates, seeds = request.param
    made = synthetic.make(tmp_path_factory.mktemp(f"{2 * rates}x{seeds}"),
                          SMALL % (400, 2, GRID % (rates, seeds)))
    synthetic.fill(made, np.random.default_rng(1).choice([STOPPED, CENSORED, DIVERGED], RUNS))
    assert made.stat().st_size > 90e6
    yield made
    made.unlink()


def test_aggregate_takes_little_memory(path, tmp_path):
    peak = peak_of([PROGRAM, "aggregate", path, "--format", "json"], tmp_path / "out")
    told = json.loads((tmp_path / "out").read_bytes())
    assert sum(one["observed"] for one in told["configurations"]) == RUNS
    assert len(told["comparisons"]) == (0 if len(told["configurations"]) > 100 else 19 + 28)
    assert peak < 60e6 or SANITIZED


# Text and drawings of a page grow with the number of configurations: the more are tried.
@pytest.mark.parametrize("path", [(250, 10)], ids=["500x10"], indirect=True)
def test_report_takes_little_memory(path, tmp_path):
    peak = peak_of([sys.executable, "-m", "ccmsweep_analysis", "report", path, "-o", tmp_path],
                   tmp_path / "out", PYTHONPATH=str(SOURCE / "analysis"))
    page = (tmp_path / "report.html").read_text("utf-8")
    assert f"of {RUNS} runs had the event" in page and page.rstrip().endswith("</html>")
    assert peak < 300e6 or SANITIZED
