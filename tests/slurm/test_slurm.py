# SPDX-License-Identifier: MIT
"""Sweeps as SLURM jobs, on a real SLURM of two nodes: what ends a job early never ends the sweep,
what must end it does, and the file is the one that mpirun makes."""
import json
import os
import shutil
import time

import pytest
from cluster import CPUS, SweepJob, assert_complete
from contents import Sweep, wrong_runs
from program import listing, run
from sweep_case import (CELLS, LONG, SOURCE, WITH_FAULTS, Job, needs_faults, wait_until,
                        write_spec)

# An episode of this takes so much longer than it computes.
SLOW = {"CCMSWEEP": WITH_FAULTS or "", "CCMSWEEP_FAULTS": "episode=sleep:1"}
# Beside the other jobs, on the node that does not die.
ASIDE = ["-n", "2", "--nodelist=n1"]


@pytest.fixture(scope="module")
def waiting(cluster, tmp_path_factory):
    """Jobs that wait in the queue most of the time, all at once."""
    needs_faults()
    jobs = {}

    def submit(name, *words, **changes):
        folder = tmp_path_factory.mktemp(name)
        write_spec(folder)
        jobs[name] = SweepJob(cluster, folder, *ASIDE, *words,
                              **{"CCMSWEEP": WITH_FAULTS, "CCMSWEEP_FAULTS": "", **changes})
    submit("limit", "--time", "1", "--signal=B:USR1@45", CCMSWEEP_FAULTS="episode=sleep:2")
    submit("chain", "--time", "1", "--signal=B:USR1@45", CCMSWEEP_FAULTS="episode=sleep:2",
           CHAIN="1", LAUNCHER="mpirun")
    submit("end", "--time", "1", "--signal=B:CONT@1", CCMSWEEP_FAULTS="episode=sleep:5")
    submit("crash", CCMSWEEP_FAULTS="begin@5=segv")
    submit("cap", CCMSWEEP_FAULTS="begin=kill", RESTARTS="1")
    return jobs


def test_listens_on_loopback_alone(cluster):
    assert cluster.listening() == {"127.0.0.1"}


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_two_nodes(launcher, waiting, cluster, folder, straight):
    """One rank more than there are cores, on whole nodes' worth of them, and nothing stays."""
    job = SweepJob(cluster, folder, "--nodes", "2", "--ranks-per-node", "2", LAUNCHER=launcher)
    assert job.done.returncode == 0, job.done.stderr
    assert f"Submitted as job {job.ids[0]}" in job.done.stderr
    assert_complete(job, straight)
    assert "start 1, 4 at a time on n[1-2]: first start; no cell done yet" in job.output()
    assert set(Sweep(job.path).ranks()) <= {1, 2, 3, 4}
    assert job.starts() == 1
    assert not os.path.exists(f"/dev/shm/ccmsweep.{job.ids[0]}")


def test_one_core(cluster, folder, straight):
    job = SweepJob(cluster, folder, "-n", "1")
    assert_complete(job, straight)
    assert "start 1, 1 at a time on n" in job.output()


def test_whole_node(cluster, folder, straight):
    """What there is, when nothing is said."""
    job = SweepJob(cluster, folder, "--nodelist=n2")
    assert "--nodes=1 --exclusive " in job.done.stderr
    assert_complete(job, straight)
    assert f"start 1, {CPUS} at a time on n2" in job.output()


def test_cancelled(cluster, folder, straight):
    """It saves checkpoints and stays away; submitted again it goes on."""
    needs_faults()
    job = SweepJob(cluster, folder, "-n", "4", **SLOW)
    wait_until(lambda: len(job.done_cells()) > 2, "no cell was done", seconds=60)
    cluster.call("scancel", job.id())
    before = job.done_cells()
    job.finish()
    assert cluster.state_of(job.id()) == "CANCELLED"
    assert before <= job.done_cells() and not wrong_runs(job.path, straight)
    begun = [cell for cell in cells(job.path) if cell["state"] == "interrupted"]
    assert begun, "no cell was interrupted politely"
    time.sleep(1)
    again = SweepJob(cluster, folder, "-n", "4")
    assert again.ids != job.ids
    assert_complete(again, straight)
    assert again.starts() == 1


def test_node_dies(waiting, cluster, folder, straight):
    """With a range of nodes it goes on with those that are left."""
    needs_faults()
    job = SweepJob(cluster, folder, "--nodes", "1-2", "--ranks-per-node", "2", **SLOW)
    wait_until(lambda: len(job.done_cells()) > 2, "no cell was done", seconds=60)
    assert "4 at a time on n[1-2]" in job.output()
    cluster.kill_node("n2")
    before = job.done_cells()
    try:
        job.wait_for("start 2, 2 at a time on n1: ", seconds=120)
        assert before <= job.done_cells()
    finally:
        cluster.start_node("n2")
    assert_complete(job, straight)


def test_requeued_by_hand(cluster, folder, straight):
    """By an operator, and by a SIGTERM as preemption sends it."""
    needs_faults()
    job = SweepJob(cluster, folder, *ASIDE, **SLOW)
    wait_until(lambda: len(job.done_cells()) > 2, "no cell was done", seconds=60)
    before = job.done_cells()
    cluster.call("scontrol", "requeue", job.id())
    job.wait_for("start 2, ")
    assert before <= job.done_cells()
    before = job.done_cells()
    assert "SLURM had ended the last start (requeued, preempted, node lost)" in job.output()
    wait_until(lambda: len(job.done_cells()) > len(before), "it did not go on", seconds=60)
    before = job.done_cells()
    cluster.call("scancel", "--signal=TERM", job.id())
    job.wait_for("start 3, ")
    assert "the last start had stopped in time" in job.output()
    assert before <= job.done_cells()
    assert_complete(job, straight)


def test_shows_and_submits_nothing(cluster, folder):
    done = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "--dry-run", "--nodes",
                        "2", "--partition=main", "--comment", "a b", cwd=folder)
    assert done.returncode == 0 and "32 cells, 32 of them left" in done.stderr
    assert "with 16 at a time; time limit 00:" in done.stderr
    assert "sbatch --nodes=2 --exclusive --time=00:" in done.stderr
    assert r"--partition=main --comment a\ b " in done.stderr
    assert listing(folder) == ["s.yaml"]


def test_second_submit_is_refused(cluster, folder):
    job = SweepJob(cluster, folder, "-n", "1", "--hold")
    second = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "-n", "1", cwd=folder)
    assert second.returncode == 4
    assert f"job {job.id()} for {job.path} is in the queue already (PENDING)" in second.stderr
    shown = cluster.call(SOURCE / "jobs/status.sh", "b.h5", cwd=folder)
    assert shown.returncode == 2 and f"job       {job.id()}: PENDING" in shown.stdout
    cluster.call("scancel", job.id())
    job.finish()


def test_nothing_to_do(cluster, straight, folder):
    shutil.copy(straight, folder / "b.h5")
    done = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", cwd=folder)
    assert done.returncode == 0 and "Nothing to do: " in done.stderr
    assert listing(folder) == ["b.h5", "s.yaml"]


@pytest.mark.parametrize("limit, signal", [
    ("4", 60), ("2:00", 30), ("0:02:00", 30), ("00:08", 15), ("1-00", 120), ("0-0:02", 30),
    ("0-00:00:30", 15), ("1-08:09:10", 120)])
def test_times(limit, signal, cluster, folder):
    """A quarter of the time is left for stopping, 15 s at least and two minutes at most."""
    done = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "-n1", "--dry-run",
                        "--time", limit, cwd=folder)
    assert f"--time={limit} --signal=B:USR1@{signal} " in done.stderr, done.stderr


def test_refused_by_sbatch(cluster, folder):
    job = SweepJob(cluster, folder, "-n", "1", "--partition=none")
    assert job.done.returncode != 0 and "partition" in job.done.stderr
    assert listing(folder) == ["s.yaml"]


@pytest.mark.parametrize("words, sentence", [
    ([], "no spec, expected"), (["-o", "b.h5"], "no spec, expected"),
    (["none.yaml", "-o", "b.h5"], "there is no spec none.yaml"),
    (["s.yaml"], "no file for the sweep, expected -o FILE"),
    (["s.yaml", "-o"], "-o needs a value"),
    (["s.yaml", "-o", "none/b.h5"], "there is no folder none for none/b.h5"),
    (["s.yaml", "-o", "b.h5", "--nodes", "x"], "--nodes 'x', expected a whole number from 1"),
    (["s.yaml", "-o", "b.h5", "--time", "soon"], "--time 'soon' is no time, expected minutes"),
    (["s.yaml", "-o", "b.h5", "--time", "1:2:3:4"], "--time '1:2:3:4' is no time"),
    (["s.yaml", "-o", "b.h5", "-n", "some"], "--ntasks 'some', expected a whole number from 1"),
])
def test_refused(words, sentence, cluster, folder):
    done = cluster.call(SOURCE / "jobs/submit.sh", *words, cwd=folder)
    assert done.returncode == 2 and done.stderr.startswith("jobs/submit.sh: "), done.stderr
    assert sentence in done.stderr and listing(folder) == ["s.yaml"]


def test_too_short_for_a_checkpoint(cluster, folder):
    """It says so and stays away."""
    end = int(time.time()) + 1
    job = SweepJob(cluster, folder, "-n", "1", f"--export=ALL,SLURM_JOB_END_TIME={end}")
    assert job.finish() == 75
    assert "s until the end are too short for a cell to reach a checkpoint" in job.output()
    assert "the time limit is too short to reach even one checkpoint" in job.output()
    assert job.starts() == 1


def test_file_in_use(cluster, folder):
    (folder / "s.yaml").write_text(LONG)
    with Job(0, "run", "s.yaml", "-o", "b.h5", cwd=folder):
        wait_until((folder / "b.h5").exists, "the other run did not begin")
        job = SweepJob(cluster, folder, "-n", "1", "--", "--wait", "0")
        assert job.finish() == 4
    assert "b.h5 is in use" in job.output() and job.starts() == 1


def test_program_is_missing(cluster, folder):
    job = SweepJob(cluster, folder, "-n", "1", "--export=ALL,CCMSWEEP=/none/ccmsweep")
    assert job.finish() == 2 and "/none/ccmsweep is no program" in job.output()


# Those that were submitted first.


def cells(path):
    return json.loads(run("status", path, "--cells", "--json").stdout)["list"]


def test_crashing_cell(waiting):
    """Quarantined after three starts; the job ends and says which."""
    job = waiting["crash"]
    assert job.finish() == 3, job.output()
    assert Sweep(job.path).set_aside() == {5: "quarantined"}
    assert len(job.done_cells()) == CELLS and job.starts() == 4
    assert "run 5 (actor_lr 0.1, critic_lr 0.01, seed 2) is quarantined: it crashed 3 times" in \
        job.output()


def test_no_progress(waiting):
    job = waiting["cap"]
    assert job.finish() == 137, job.output()
    assert job.starts() == 2
    assert "ended with code 137: 2 starts in a row without progress" in job.output()


def test_time_limit(waiting, straight):
    """As often as needed, without a hand, and no cell from its start again."""
    job = waiting["limit"]
    seen = {}
    while not job.has_ended():
        for cell in cells(job.path) if job.path.exists() else []:
            episode = cell["episode"] or 0
            assert episode >= seen.get(cell["run"], 0), f"it went back: {cell}"
            seen[cell["run"]] = episode
        time.sleep(0.1)
    assert_complete(job, straight)
    assert job.starts() > 1 and job.output().count("stopping before the time limit") >= 1
    assert max(cell["attempts"] for cell in cells(job.path)) > 1


def test_end_is_known(waiting, straight):
    """The program stops in time itself, should no signal come."""
    job = waiting["end"]
    assert_complete(job, straight)
    assert job.starts() > 1 and "stopping before the time limit" not in job.output()
    assert "b.h5: stopped because the time is up: " in job.output()


def test_chain(waiting, straight):
    """The same where a job cannot be put into the queue again, and with the other launcher."""
    job = waiting["chain"]
    assert_complete(job, straight)
    numbers = [path.stem for path in job.folder.glob("b.h5.job/*.out")]
    assert len(numbers) > 1 and job.starts() == len(numbers)
    assert f"goes on as job {job.id()}" in job.output()
