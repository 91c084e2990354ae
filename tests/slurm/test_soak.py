# SPDX-License-Identifier: MIT
"""What takes minutes: the node that runs the job's own script dies, and everything that can happen
to a job happens at random instants."""
import random
import signal
import time

from cluster import SweepJob, assert_complete, scratch_of
from contents import wrong_runs
from sweep_case import WITH_FAULTS, needs_faults, send, wait_until

SLOW = {"CCMSWEEP": WITH_FAULTS or "", "CCMSWEEP_FAULTS": "episode=sleep:1"}


def test_batch_host_dies(cluster, folder, straight):
    """SLURM alone can start the job again."""
    needs_faults()
    job = SweepJob(cluster, folder, "--nodes", "1-2", "--ranks-per-node", "2", **SLOW)
    wait_until(lambda: len(job.done_cells()) > 2, "no cell was done", seconds=60)
    assert cluster.state_of(job.id(), "BatchHost") == "n1"
    cluster.kill_node("n1")
    before = job.done_cells()
    try:
        job.wait_for("start 2, 2 at a time on n2: SLURM had ended the last start", seconds=120)
        assert before <= job.done_cells()
    finally:
        cluster.start_node("n1")
    assert_complete(job, straight)
    wait_until(cluster.is_idle, "the node did not return", seconds=60)


def test_lost_starts_are_counted(cluster, folder):
    """Those too that take the job's own script down."""
    needs_faults()
    job = SweepJob(cluster, folder, "-n", "1", CCMSWEEP=WITH_FAULTS,
                   CCMSWEEP_FAULTS="begin=sleep:600000", RESTARTS="1")
    wait_until(cluster.ranks, "no rank came up", seconds=60)
    time.sleep(1)
    host = cluster.state_of(job.id(), "BatchHost")
    cluster.kill_node(host)
    try:
        assert job.finish() == 1, job.output()
    finally:
        cluster.start_node(host)
        wait_until(cluster.is_idle, "the node did not return", seconds=60)
    assert job.starts() == 2 and "ended: 1 starts in a row without progress" in job.output()


def test_waits_for_the_node(cluster, folder, straight):
    """With a fixed number of nodes."""
    needs_faults()
    job = SweepJob(cluster, folder, "--nodes", "2", "--ranks-per-node", "2", **SLOW)
    wait_until(lambda: len(job.done_cells()) > 2, "no cell was done", seconds=60)
    cluster.kill_node("n2")
    before = job.done_cells()
    try:
        wait_until(lambda: cluster.ask("sinfo", "-h", "-n", "n2", "-o", "%T").startswith("down"),
                   "the node is not down", seconds=60)
        wait_until(lambda: cluster.state_of(job.id()) == "PENDING", "it does not wait", seconds=60)
    finally:
        cluster.start_node("n2")
    job.wait_for("start 2, 4 at a time on n[1-2]: ", seconds=120)
    assert before <= job.done_cells()
    assert_complete(job, straight)
    assert not scratch_of(job.id())


def kill_a_rank(cluster, job, draw):
    wait_until(lambda: cluster.ranks() or job.has_ended(), "no rank came up")
    ranks = cluster.ranks()
    if ranks:
        send(draw.choice(ranks), signal.SIGKILL)


def near_the_limit(cluster, job, _draw):
    cluster.call("scancel", "--batch", "--signal=USR1", job.id())


def preempted(cluster, job, _draw):
    cluster.call("scancel", "--signal=TERM", job.id())


def requeued(cluster, job, _draw):
    cluster.call("scontrol", "requeue", job.id())


def test_anything_at_any_instant(cluster, folder, straight):
    """The job always comes back, what is done only grows and is right, and so is the end."""
    needs_faults()
    draw = random.Random(1)
    job = SweepJob(cluster, folder, "--nodes", "2", "--ranks-per-node", "1", **SLOW)
    events, done = [], set()
    for start in range(1, 13):
        # Not by its number: one that an operator makes of a complete sweep is a first one.
        wait_until(lambda count=start: job.starts() >= count or job.has_ended(),
                   f"no start {start}: {events}", seconds=90)
        if job.has_ended():
            break
        event = draw.choice([kill_a_rank, near_the_limit, preempted, requeued])
        instant = draw.uniform(0, 4)
        events.append((event.__name__, instant))
        time.sleep(instant)
        event(cluster, job, draw)
        wait_until(lambda: cluster.state_of(job.id()) != "RUNNING", f"it went on: {events}", 60)
        now = job.done_cells()
        assert done <= now and not wrong_runs(job.path, straight), events
        done = now
    assert len({name for name, _ in events}) > 2, events
    assert_complete(job, straight)
