# SPDX-License-Identifier: MIT
"""The node that runs the job's own script dies: SLURM alone can start the job again."""
from cluster import SweepJob, assert_complete
from sweep_case import WITH_FAULTS, needs_faults, wait_until


def test_batch_host_dies(cluster, folder, straight):
    needs_faults()
    job = SweepJob(cluster, folder, "--nodes", "1-2", "--ranks-per-node", "2",
                   CCMSWEEP=WITH_FAULTS, CCMSWEEP_FAULTS="episode=sleep:1")
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
