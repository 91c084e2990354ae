# SPDX-License-Identifier: MIT
"""Sweeps as SLURM jobs, on a real SLURM of two nodes: what ends a job early never ends the sweep,
what must end it does, and the file is the one that mpirun makes."""
import fcntl
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cluster import CPUS, SLURM_SPEC, Cluster, SweepJob, assert_complete, scratch_of
from contents import Sweep, wrong_runs
from program import listing
from sweep_case import (LONG, SOURCE, WITH_FAULTS, Job, idle_at_first, needs_faults, send,
                        wait_until, write_spec)

# An episode of this takes so much longer than it computes.
SLOW = {"CCMSWEEP": WITH_FAULTS or "", "CCMSWEEP_FAULTS": "episode=sleep:1"}


def assert_on_loopback(cluster, *names):
    """Nobody outside reaches the daemons, nor these of a job that runs: Open MPI's listen on all
    interfaces, of which there are no others where the kernel lets root have a network."""
    found = cluster.listening()
    assert set(found) >= {"slurmctld", "slurmd", *names}
    assert found["slurmctld"] == found["slurmd"] == {"127.0.0.1"}, found
    assert cluster.is_alone() or not cluster.network


@pytest.mark.parametrize("launcher", ["srun", "mpirun"])
def test_two_nodes(launcher, cluster, folder, straight):
    """One rank more than there are cores, on whole nodes' worth of them, and nothing stays."""
    job = SweepJob(cluster, folder, "--nodes", "2", "--ranks-per-node", "2", LAUNCHER=launcher)
    assert job.done.returncode == 0, job.done.stderr
    assert f"Submitted as job {job.ids[0]}" in job.done.stderr
    assert_complete(job, straight)
    assert "start 1, 4 at a time on n[1-2]: first start of this job; no cell done yet" in job.output()
    assert set(Sweep(job.path).ranks()) <= {1, 2, 3, 4}
    assert job.starts() == 1
    assert not scratch_of(job.id())


def test_one_core(cluster, folder, straight):
    """From within another job, whose variables are not this one's. The spec belongs to the user
    again as soon as the job is submitted."""
    job = SweepJob(cluster, folder, "-n", "1", SLURM_JOB_END_TIME="1", SLURM_JOB_ID="1",
                   SLURM_NTASKS="3")
    (folder / "s.yaml").write_text("none: 1\n")
    assert_complete(job, straight)
    assert "start 1, 1 at a time on n" in job.output()


def test_whole_node(cluster, folder, straight):
    """What there is, when nothing is said."""
    job = SweepJob(cluster, folder, "--nodelist=n2")
    assert "--nodes=1 --exclusive " in job.done.stderr
    assert_complete(job, straight)
    assert f"start 1, {CPUS} at a time on n2" in job.output()


def test_cancelled(cluster, folder, straight):
    """It saves checkpoints and stays away, nothing stays on its nodes; submitted again it goes on.
    While it runs, no other job takes its place."""
    needs_faults()
    # Slower than elsewhere: it must last while two others are refused, on a busy machine too.
    job = SweepJob(cluster, folder, "--nodes", "2", "--ranks-per-node", "2",
                   **{**SLOW, "CCMSWEEP_FAULTS": "episode=sleep:4"})
    wait_until(lambda: len(job.done_cells()) > 2, "no cell was done", seconds=60)
    second = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "-n", "1", cwd=folder)
    assert second.returncode == 4 and "is in the queue already (RUNNING)" in second.stderr
    by_hand = cluster.call("sbatch", "--wait", "-n", "1", "-o", cluster.folder / "by_hand.out",
                           SOURCE / "jobs/sweep.sbatch", SOURCE, folder / "s.yaml", job.path)
    assert by_hand.returncode == 4
    assert f"job {job.ids[0]} works on {job.path} already (RUNNING)" in \
        (cluster.folder / "by_hand.out").read_text()
    assert [job.id()] == job.ids and (folder / "b.h5.job/starts").read_text() == "1\n"
    assert [path.suffix for path in scratch_of(job.id())] == [".n1", ".n2"]
    cluster.call("scancel", job.id())
    before = job.done_cells()
    job.finish()
    assert cluster.state_of(job.id()) == "CANCELLED"
    assert before <= job.done_cells() and not wrong_runs(job.path, straight)
    begun = [cell for cell in job.cells() if cell["state"] == "interrupted"]
    assert begun, "no cell was interrupted politely"
    wait_until(lambda: not scratch_of(job.ids[0]), "something stays on a node", seconds=5)
    time.sleep(1)
    again = SweepJob(cluster, folder, "-n", "4")
    assert again.ids != job.ids
    assert_complete(again, straight)
    assert again.starts() == 1


def test_node_dies(cluster, folder, straight):
    """With a range of nodes it goes on with those that are left."""
    needs_faults()
    job = SweepJob(cluster, folder, "--nodes", "1-2", "--ranks-per-node", "2", **SLOW)
    wait_until(lambda: len(job.done_cells()) > 2, "no cell was done", seconds=60)
    assert "4 at a time on n[1-2]" in job.output()
    assert_on_loopback(cluster, "slurmstepd")
    cluster.kill_node("n2")
    before = job.done_cells()
    try:
        job.wait_for("start 2, 2 at a time on n1: ", seconds=120)
        assert before <= job.done_cells()
    finally:
        cluster.start_node("n2")
    assert_complete(job, straight)


def test_what_a_lost_node_left(cluster, folder, straight):
    """No step of the same job and number can be launched there any more."""
    job = SweepJob(cluster, folder, "--nodes", "2", "--ranks-per-node", "1", "--hold")
    (cluster.folder / f"spool/n2/stepd.slurm.pmix.{job.id()}.1").touch()
    cluster.call("scontrol", "release", job.id())
    assert_complete(job, straight)
    assert job.starts() == 2 and "launch failed" in job.output()


def test_launcher_that_only_says_that_all_is_well(cluster, folder, straight):
    """As srun now and then does when a node refuses the step: the file has the last word."""
    job = SweepJob(cluster, folder, "-n", "1", CCMSWEEP=idle_at_first(folder.parent))
    assert_complete(job, straight)
    assert job.output().count("ended with code 0, but the sweep is not complete") == 1
    assert job.starts() == 2 and "the last start had failed (code 1)" in job.output()


def test_requeued_by_hand(cluster, folder, straight):
    """By an operator, and by a SIGTERM as preemption sends it. In the end a node's only rank is
    killed, which SLURM's PMIx does not notice."""
    needs_faults()
    job = SweepJob(cluster, folder, "--nodes", "2", "--ranks-per-node", "1", **SLOW)
    wait_until(lambda: len(job.done_cells()) > 2, "no cell was done", seconds=60)
    before = job.done_cells()
    cluster.call("scontrol", "requeue", job.id())
    wait_until(lambda: cluster.state_of(job.id()) == "PENDING", "it does not wait", seconds=10)
    assert not scratch_of(job.id())
    job.wait_for("start 2, ")
    assert before <= job.done_cells()
    before = job.done_cells()
    assert "SLURM had ended the last start (requeued, preempted, node lost)" in job.output()
    wait_until(lambda: len(job.done_cells()) > len(before), "it did not go on", seconds=60)
    before = job.done_cells()
    cluster.call("scancel", "--signal=TERM", job.id())
    job.wait_for("start 3, ")
    assert "the last start had stopped in time" in job.output()
    wait_until(lambda: cluster.ranks("n2"), "no rank came up")
    send(*cluster.ranks("n2"), signal.SIGKILL)
    job.wait_for("start 4, ")
    assert "the last start was killed (signal 9)" in job.output()
    assert before <= job.done_cells()
    assert_complete(job, straight)


def test_stopped_before_the_first_checkpoint(cluster, folder, straight):
    """By somebody, not by the time limit: it goes on."""
    with open(folder / "b.h5.lock", "wb") as lock:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        job = SweepJob(cluster, folder, "-n", "2", "--", "--check", "--wait", "100")
        for start, words in enumerate((["--signal=USR1"], ["--batch", "--signal=USR1"]), 1):
            wait_until(lambda: job.output().count("b.h5 is in use; waiting") == start,
                       "it does not wait", seconds=60)
            cluster.call("scancel", *words, job.id())
            job.wait_for(f": start {start + 1}, ")
    assert_complete(job, straight)
    assert job.output().count("stopped while ") == 2 and job.starts() == 3


def test_two_threads_a_core(cluster, tmp_path):
    """A training gets a core, and the ranks of mpirun are spread over the nodes."""
    needs_faults()
    one, two = tmp_path / "one", tmp_path / "two"
    with Cluster(threads=2) as threaded:
        for folder in (one, two):
            folder.mkdir()
            write_spec(folder, SLURM_SPEC)
        job = SweepJob(threaded, one, "--nodes", "1-2", "--ranks-per-node", "4", **SLOW)
        job.wait_for("start 1, 8 at a time on n[1-2]: ")
        shown = threaded.ask("scontrol", "show", "-d", "job", job.id())
        assert "Nodes=n[1-2] CPU_IDs=0-7 " in shown, shown
        threaded.call("scancel", job.id())
        job.finish()
        job = SweepJob(threaded, two, "--nodes", "2", LAUNCHER="mpirun", **SLOW)
        job.wait_for(f"start 1, {CPUS} at a time on n[1-2]: ")
        wait_until(lambda: [len(threaded.ranks(node)) for node in ("n1", "n2")]
                   == [CPUS // 2 + 1, CPUS // 2], "the ranks are elsewhere")
        assert_on_loopback(threaded, "mpirun", "orted")
        threaded.call("scancel", job.id())
        job.finish()


def test_ends_at_sigterm(cluster):
    """Of the cluster of a test that takes too long, nothing stays."""
    script = ("import time\nfrom cluster import Cluster\nwith Cluster() as cluster:\n"
              "    cluster.call('sbatch', '--wrap', 'srun sleep 1000')\n"
              "    print(cluster.folder, flush=True)\n    time.sleep(100)\n")
    with subprocess.Popen([sys.executable, "-c", script], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, cwd=SOURCE / "tests/helpers") as process:
        other = Cluster()
        other.folder = Path(process.stdout.readline().strip())
        wait_until(lambda: len(other.processes()) > 6, "no step came up")
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=5)
    assert other.processes() == [] and not other.folder.exists()


def test_shows_and_submits_nothing(cluster, folder):
    before = set(cluster.ask("squeue", "-h", "-t", "all", "-o", "%i").split())
    done = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "--dry-run", "--nodes",
                        "2", "--partition=main", "--comment", "a b", cwd=folder)
    assert done.returncode == 0 and "32 cells, 32 of them left" in done.stderr
    assert f"with {2 * CPUS} at a time; time limit 00:" in done.stderr
    assert "Warning" not in done.stderr
    assert "sbatch --nodes=2 --exclusive --time=00:" in done.stderr
    assert r"--partition=main --comment a\ b " in done.stderr
    assert listing(folder) == ["s.yaml"]
    # Not their order: squeue sorts by state, and an earlier job may just have ended.
    assert set(cluster.ask("squeue", "-h", "-t", "all", "-o", "%i").split()) == before


def test_forecast(cluster, folder):
    """Of what the job will do: its settings, no more trainings than cells, and sizes that SLURM would
    let wait for ever."""
    def forecast(*words):
        done = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "--dry-run", *words,
                            cwd=folder)
        assert done.returncode == 0, done.stderr
        return done.stderr
    assert "16 cells, 16 of them left" in forecast("--", "--set", "training.actor_lr=0.1")
    assert "16 cells, 16 of them left" in forecast("--", "--set=training.actor_lr=0.1")
    assert "with 32 at a time" in forecast("-n", "1000")
    assert f"with {CPUS // 3} at a time" in forecast("--cpus-per-task=3")
    assert " --check --dry-run\n" in forecast("--", "--check", "--dry-run")
    assert "Warning: the partition has 2 nodes, so a job of 3 nodes waits" in forecast("--nodes", "3")
    assert f"nodes have {CPUS} CPUs, so a job of {CPUS + 1} ranks a node waits" in forecast(
        "--ranks-per-node", str(CPUS + 1))


def test_second_submit_is_refused(cluster, folder):
    job = SweepJob(cluster, folder, "-n", "1", "--hold")
    second = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "-n", "1", cwd=folder)
    assert second.returncode == 4
    assert f"job {job.id()} for {job.path} is in the queue already (PENDING)" in second.stderr
    dry = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "--dry-run", cwd=folder)
    assert dry.returncode == 4 and "\nsbatch --nodes=1 " in dry.stderr
    (folder / "link.h5").symlink_to("b.h5")
    shown = cluster.call(SOURCE / "jobs/status.sh", "link.h5", cwd=folder)
    assert shown.returncode == 0 and f"{job.path}: not begun yet" in shown.stdout
    assert f"job       {job.id()}: PENDING" in shown.stdout
    shown = cluster.call(SOURCE / "jobs/status.sh", "--json", "b.h5", cwd=folder)
    assert (shown.returncode, shown.stdout) == (0, "")
    assert f"job       {job.id()}: PENDING" in shown.stderr
    cluster.call("scancel", job.id())
    job.finish()


def test_queue_does_not_answer(cluster, folder):
    """Then the job of which the books tell may be there. A number it does not know is gone."""
    (folder / "b.h5.job").mkdir()
    (folder / "b.h5.job/id").write_text("1\n")
    (folder / "bin").mkdir()
    squeue = folder / "bin/squeue"
    squeue.write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
    squeue.chmod(0o755)
    words = [SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "-n", "1", "--test-only"]
    done = cluster.call(*words, cwd=folder, PATH=f"{squeue.parent}:{cluster.environment['PATH']}")
    assert done.returncode == 1, done.stderr
    shown = cluster.call(SOURCE / "jobs/status.sh", "b.h5", cwd=folder,
                         PATH=f"{squeue.parent}:{cluster.environment['PATH']}")
    assert "1: the queue does not answer (Unable to contact slurm controller)" in shown.stdout
    assert f"cannot tell whether job 1 for {folder / 'b.h5'} is in the queue still: Unable to " \
        "contact slurm controller" in done.stderr
    done = cluster.call(*words, cwd=folder)
    assert done.returncode == 0 and done.stderr.endswith("Nothing was submitted.\n"), done.stderr
    assert "job       1: not in the queue" in cluster.call(SOURCE / "jobs/status.sh", "b.h5",
                                                           cwd=folder).stdout
    assert (folder / "b.h5.job/id").read_text() == "1\n"


def test_options_of_the_site(cluster, folder):
    """The user's win, and what is not strict in jobs/env.sh ends nothing."""
    shutil.copytree(SOURCE / "jobs", folder / "jobs")
    with open(folder / "jobs/env.sh", "a", encoding="utf-8") as site:
        site.write("false\n: $is_not_set\n"
                   "site_options=(--time=7 --signal=B:USR1@99 -p site --account=a)\n")
    words = [folder / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "-n", "1", "--dry-run"]
    done = cluster.call(*words, "-p", "main", "--time", "5", cwd=folder)
    assert " --time=5 " in done.stderr and "--time=7" not in done.stderr, done.stderr
    assert " --signal=B:USR1@99 -p site --account=a -n 1 -p main " in done.stderr
    assert " --time=7 " in cluster.call(*words, cwd=folder).stderr


def test_nothing_to_do(cluster, straight, folder):
    shutil.copy(straight, folder / "b.h5")
    done = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", cwd=folder)
    assert done.returncode == 0 and "Nothing to do: " in done.stderr
    assert listing(folder) == ["b.h5", "s.yaml"]
    done = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "--dry-run", "--",
                        "--check", cwd=folder)
    assert done.returncode == 0 and "Nothing to do: " not in done.stderr
    assert f"{folder / 'b.h5'} --check".replace(" ", "\\ ", 1) in done.stderr


@pytest.mark.parametrize("limit, lead", [
    ("4", 60), ("2:00", 30), ("0:02:00", 30), ("00:08", 15), ("1-00", 120), ("0-0:02", 30),
    ("0-00:00:30", 15), ("1-08:09:10", 120), ("0", 120), ("00:00", 120)])
def test_times(limit, lead, cluster, folder):
    """A quarter of the time is left for stopping, 15 s at least and two minutes at most."""
    done = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "-n1", "--dry-run",
                        "--time", limit, cwd=folder)
    assert f"--time={limit} --signal=B:USR1@{lead} " in done.stderr, done.stderr
    assert ("no time limit" in done.stderr) == (limit in ("0", "00:00"))


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
    (["s.yaml", "-o", "."], ". is a folder, expected the name of a file"),
    (["s.yaml", "-o", "b.h5", "--nodes", "x"], "--nodes 'x', expected a whole number from 1"),
    (["s.yaml", "-o", "b.h5", "--nodes", "2-1"], "--nodes '2-1', expected the fewer nodes first"),
    (["s.yaml", "-o", "b.h5", "--array=1-4"], "no --array=1-4 for a sweep: one job trains all"),
    (["s.yaml", "-o", "b.h5", "--time", "soon"], "--time 'soon' is not a time, expected minutes"),
    (["s.yaml", "-o", "b.h5", "--time", "1:2:3:4"], "--time '1:2:3:4' is not a time"),
    (["s.yaml", "-o", "b.h5", "-n", "some"], "--ntasks 'some', expected a whole number from 1"),
])
def test_refused(words, sentence, cluster, folder):
    done = cluster.call(SOURCE / "jobs/submit.sh", *words, cwd=folder)
    assert done.returncode == 2 and done.stderr.startswith("jobs/submit.sh: "), done.stderr
    assert sentence in done.stderr and listing(folder) == ["s.yaml"]


@pytest.mark.parametrize("words, sentence", [
    (["--order", "none"], "--order: 'none' is unknown"), (["--none"], "unrecognized option '--none'"),
    (["--set", "training.batch=0"], "training.batch"), (["--reuse", "none.h5"], "--reuse: "),
])
def test_refused_by_the_program(words, sentence, cluster, folder):
    """What only the job would find out."""
    done = cluster.call(SOURCE / "jobs/submit.sh", "s.yaml", "-o", "b.h5", "-n", "1", "--", *words,
                        cwd=folder)
    assert done.returncode == 2 and sentence in done.stderr, done.stderr
    assert listing(folder) == ["s.yaml"]


def test_status_of_nothing(cluster, folder):
    for words, sentence in (([], "no file, expected"), (["--json"], "no file, expected"),
                            (["none.h5"], f"there is no file {folder}/none.h5")):
        done = cluster.call(SOURCE / "jobs/status.sh", *words, cwd=folder)
        assert done.returncode == 2 and done.stdout == ""
        assert done.stderr.startswith("jobs/status.sh: ") and sentence in done.stderr


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
    assert job.finish() == 2 and "/none/ccmsweep is not a program" in job.output()


def test_program_cannot_be_run(cluster, folder):
    program = folder / "program"
    program.write_text("#!/none/sh\n")
    program.chmod(0o755)
    job = SweepJob(cluster, folder, "-n", "1", f"--export=ALL,CCMSWEEP={program}")
    assert job.finish() in (126, 127) and job.starts() == 1, job.output()
    assert f"srun, or {program}, cannot be run on these nodes" in job.output()


def test_start_again_is_refused(cluster, folder):
    needs_faults()
    job = SweepJob(cluster, folder, "-n", "1", "--no-requeue", CCMSWEEP=WITH_FAULTS,
                   CCMSWEEP_FAULTS="begin=kill")
    assert job.finish() == 137 and job.starts() == 1, job.output()
    assert "this cluster does not let a job start again (" in job.output()


def test_starts_cannot_be_counted(cluster, folder):
    needs_faults()
    (folder / "b.h5.job/idle/full").mkdir(parents=True)
    job = SweepJob(cluster, folder, "-n", "1", CCMSWEEP=WITH_FAULTS, CCMSWEEP_FAULTS="begin=kill")
    assert job.finish() == 137 and job.starts() == 1, job.output()
    assert "not started again, for nothing can be written into" in job.output()
