# SPDX-License-Identifier: MIT
"""jobs/selftest.sh as a job on two nodes: it passes there, and finds locks that hold on one node
alone."""
import os
import signal
import subprocess

import pytest
from program import PROGRAM, listing
from selftest_case import CHECKS, SELFTEST, assert_finds, assert_passes, folder, lying, rows
from sweep_case import send, wait_until

__all__ = ["folder"]

KILLS = os.environ.get("CCMSWEEP_KILLS") or "2"
ALL = int(KILLS) > 20


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_two_nodes(launcher, cluster, folder):
    """With mpirun, in short, only what the launcher has a part in."""
    short = launcher == "mpirun" and not ALL
    words = ["--only", "launcher,nodes,stop"] if short else ["--kills", KILLS, "--seed", "1"]
    done = cluster.call(SELFTEST, folder, "--nodes", "2", *words, cwd="/", seconds=1500,
                        CCMSWEEP=PROGRAM, LAUNCHER=launcher)
    assert_passes(done, folder, ["launcher", "nodes", "stop"] if short else CHECKS, nodes="pass")
    assert rows(done)["launcher"][1] == f"{launcher} starts 5 ranks on n1 n2"


def test_locks_of_one_node(cluster, folder):
    """They are found between nodes alone."""
    words = ["--nodes", "2", "--only", "locks,nodes"]
    done = cluster.call(SELFTEST, folder, *words, cwd="/", seconds=300, CCMSWEEP=PROGRAM,
                        **lying("nodes", folder))
    assert rows(done)["locks"][0] == "pass"
    assert_finds("nodes", "a second process began to work on the file",
                 "Locks do not reach other nodes here: never start two jobs", done, folder)


def test_interrupted(cluster, folder):
    """The job ends, and nothing stays."""
    process = subprocess.Popen(
        [SELFTEST, folder, "--nodes", "2", "--only", "ranks"], cwd=cluster.folder, text=True,
        env=cluster.environment | {"CCMSWEEP": PROGRAM}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    wait_until(lambda: list(folder.glob("*/ranks.h5")), "no sweep was begun", seconds=120)
    # SIGINT is ignored by what is started in the background, as this suite is.
    send(process.pid, signal.SIGTERM)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 143, err
    assert listing(folder) == [] and not cluster.ranks()
