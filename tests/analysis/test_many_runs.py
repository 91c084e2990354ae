# SPDX-License-Identifier: MIT
"""Ten thousand runs: what aggregate and the report read of them is what they need."""
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import synthetic
from aggregate_case import SMALL
from program import PROGRAM
from sweep_case import SANITIZED, SOURCE
from synthetic import CENSORED, DIVERGED, STOPPED

RUNS = 10000
GRID = "  actor_lr: {logspace: [1.0e-4, 0.1], count: %d}\n  critic_lr: [0.01, 0.001]\n  seed: 1-%d\n"


@pytest.fixture(scope="module", params=[(10, 500), (500, 10)], ids=["20x500", "1000x10"])
def path(request, tmp_path_factory):
    rates, seeds = request.param
    made = synthetic.make(tmp_path_factory.mktemp("many"), SMALL % (400, 2, GRID % (rates, seeds)))
    synthetic.fill(made, np.random.default_rng(1).choice([STOPPED, CENSORED, DIVERGED], RUNS))
    assert made.stat().st_size > 100e6
    yield made
    made.unlink()


# A process starts with the size of what it was forked from: that has to be a small one.
MEASURE = """\
import os, sys
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, file=sys.stderr)
"""


def peak_of(command, out, **environment):
    """Bytes that it, or any process that it began, had at most."""
    with open(out, "wb") as file:
        done = subprocess.run([sys.executable, "-I", "-S", "-c", MEASURE, *map(str, command)],
                              stdout=file, stderr=subprocess.PIPE, check=True,
                              env={**os.environ, **environment})
    code, peak = map(int, done.stderr.split())
    assert code == 0
    return peak * 1024


def test_aggregate_takes_little_memory(path, tmp_path):
    peak = peak_of([PROGRAM, "aggregate", path, "--format", "json"], tmp_path / "out")
    told = json.loads((tmp_path / "out").read_bytes())
    assert sum(one["observed"] for one in told["configurations"]) == RUNS
    assert len(told["comparisons"]) == (0 if len(told["configurations"]) > 100 else 19 + 28)
    assert peak < 100e6 or SANITIZED


def test_report_takes_little_memory(path, tmp_path):
    peak = peak_of([sys.executable, "-m", "ccmsweep_analysis", "report", path, "-o", tmp_path],
                   tmp_path / "out", PYTHONPATH=str(SOURCE / "analysis"))
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "of 10000 runs had the event" in page and page.rstrip().endswith("</html>")
    assert peak < 400e6 or SANITIZED
