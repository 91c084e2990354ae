# SPDX-License-Identifier: MIT
"""What a worker has in memory is what plan says, cell after cell; and what grows with the number of
cells is little, whatever is asked for."""
import json
import signal
import subprocess

import pytest
from peak import peak_of
from program import PROGRAM, run, wait_for
from sweep_case import SANITIZED, environment

ASIDE = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "2"]
# Bytes are those of the published size (with checkpoints all along), of small cells, and of cells
# whose replay is most of all.
CELLS = {
    "published": "training: {episodes: 8}\ncheckpoint: {every_s: 0.5}\ngrid: {seed: 0-19}\n",
    "small": "environment: {agents: 5}\ntraining: {episodes: 12}\ngrid: {seed: 0-19}\n",
    "large": "replay: {capacity: 50000}\ntraining: {episodes: 5}\ngrid: {seed: 0-3}\n",
}


def stated(spec, ranks, folder):
    done = run("plan", spec, "--ranks", ranks, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["memory_bytes"]


@pytest.mark.skipif(SANITIZED, reason="a sanitizer takes memory of its own")
@pytest.mark.parametrize("ranks", [1, 2])
@pytest.mark.parametrize("cells", CELLS)
def test_worker_takes_what_plan_says(cells, ranks, tmp_path):
    (tmp_path / "s.yaml").write_text(CELLS[cells], encoding="utf-8")
    launcher = ASIDE if ranks > 1 else []
    peak = peak_of([*launcher, PROGRAM, "run", tmp_path / "s.yaml", "-o", tmp_path / "s.h5"],
                   tmp_path / "out", **environment())
    assert peak == pytest.approx(stated("s.yaml", ranks, tmp_path), rel=0.15)


@pytest.mark.skipif(SANITIZED, reason="a sanitizer takes memory of its own")
def test_going_on_takes_no_second_state(tmp_path):
    """Where it would be most: the state is nearly all of such a trainer."""
    (tmp_path / "s.yaml").write_text(
        "replay: {capacity: 50000}\ntraining: {episodes: 60}\n", encoding="utf-8")
    command = [PROGRAM, "run", tmp_path / "s.yaml", "-o", tmp_path / "s.h5"]
    with subprocess.Popen([*command, "--set", "checkpoint.every_s=0.01"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as begun:
        wait_for(tmp_path / "s.h5.ckpt" / "run-000000.ckpt")
        begun.send_signal(signal.SIGTERM)
        assert begun.wait(60) == 75
    peak = peak_of([*command, "--set", "checkpoint.every_s=0"], tmp_path / "out")
    assert peak < 1.15 * stated("s.yaml", 1, tmp_path)
