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
from synthetic import make

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


# 50,000 cells of as many pairs of learning rates: lists, tables and configurations are all long.
MANY = """\
environment: {agents: 2}
training: {episodes: 2, steps: 1, batch: 1}
replay: {capacity: 2}
tracking: {log_every: 2}
evaluation: {every: 0}
grid:
  actor_lr: {logspace: [1.0e-5, 0.1], count: 1000}
  critic_lr: {logspace: [1.0e-4, 0.1], count: 50}
"""
# What is asked, and the bytes allowed: what the command holds of runs and configurations; as one
# object, the JSON took two to ten times as much.
ASKED = {
    "status": (["status", "s.h5"], 60e6),
    "cells": (["status", "--cells", "s.h5"], 60e6),
    "status as JSON": (["status", "--json", "s.h5"], 60e6),
    "cells as JSON": (["status", "--cells", "--json", "s.h5"], 60e6),
    "plan": (["plan", "--list", "s.yaml", "s.h5"], 40e6),
    "plan as JSON": (["plan", "--list", "--json", "s.yaml", "s.h5"], 40e6),
    "configurations as JSON": (["aggregate", "--format", "json", "s.h5"], 200e6),
    "configurations": (["aggregate", "s.h5"], 250e6),
    "tables": (["export", "s.h5", "tables"], 60e6),
}
KEYS = {"cells as JSON": "list", "status as JSON": "grid", "plan as JSON": "list",
        "configurations as JSON": "configurations"}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many")
    yield folder, make(folder, MANY)
    (folder / "s.h5").unlink()


@pytest.mark.parametrize("name", ASKED)
def test_many_cells_take_little_memory(name, many, tmp_path, monkeypatch):
    folder, _ = many
    words, most = ASKED[name]
    monkeypatch.chdir(folder)
    peak = peak_of([PROGRAM, *words], tmp_path / "out")
    assert SANITIZED or peak < most
    if name in KEYS:
        assert len(json.loads((tmp_path / "out").read_bytes())[KEYS[name]]) == 50000
