# SPDX-License-Identifier: MIT
"""Jobs of SLURM that come to a time limit, crash or get nowhere. They wait most of the time: all are
submitted at once, and run beside other tests."""
import time

import pytest
from cluster import SLURM_SPEC, SweepJob, assert_complete, scratch_of
from contents import Sweep
from program import PROGRAM
from sweep_case import CELLS, WITH_FAULTS, needs_faults, write_spec


@pytest.fixture(scope="module")
def waiting(cluster, tmp_path_factory):
    """The jobs, by name."""
    needs_faults()
    jobs = {}

    def submit(name, *words, **changes):
        folder = tmp_path_factory.mktemp(name)
        write_spec(folder, SLURM_SPEC)
        jobs[name] = SweepJob(cluster, folder, "-n", "2", "--nodelist=n1", *words,
                              **{"CCMSWEEP": WITH_FAULTS, "CCMSWEEP_FAULTS": "", **changes})
    submit("limit", "--time", "1", "--signal=B:USR1@45", CCMSWEEP_FAULTS="episode=sleep:2")
    submit("chain", "--time", "1", "--signal=B:USR1@45", CCMSWEEP_FAULTS="episode=sleep:2",
           CHAIN="1", LAUNCHER="mpirun")
    submit("end", "--time", "1", "--signal=B:CONT@1", CCMSWEEP_FAULTS="episode=sleep:5")
    deaf = tmp_path_factory.mktemp("deaf") / "program"
    deaf.write_text("#!/bin/sh\ncase $* in\n*--dry-run*) ;;\nrun*) trap '' USR1; exec sleep 600 ;;\n"
                    f"esac\nexec '{PROGRAM}' \"$@\"\n")
    deaf.chmod(0o755)
    submit("deaf", "--time", "1", "--signal=B:USR1@45", CCMSWEEP=str(deaf))
    submit("crash", "--", "--retry", "quarantined", CCMSWEEP_FAULTS="begin@5=segv")
    submit("cap", CCMSWEEP_FAULTS="begin=kill", RESTARTS="2")
    return jobs


def test_crashing_cell(waiting):
    """Quarantined after three starts; the job ends and says which."""
    job = waiting["crash"]
    assert job.finish() == 3, job.output()
    assert Sweep(job.path).set_aside() == {5: "quarantined"}
    assert len(job.done_cells()) == CELLS and job.starts() == 4
    assert job.output().count("to be tried again") == 1
    assert "run 5 (actor_lr 0.1, critic_lr 0.01, seed 2) is quarantined: it crashed 3 times" in \
        job.output()


def test_no_progress(waiting):
    job = waiting["cap"]
    assert job.finish() == 137, job.output()
    assert job.starts() == 2
    assert "ended with code 137: 2 starts in a row without progress" in job.output()
    assert not scratch_of(job.id())


def test_no_answer(waiting):
    """Trainings that hang are given up before the limit, and not for ever."""
    job = waiting["deaf"]
    assert job.finish() == 1, job.output()
    assert job.output().count("no answer from the trainings: they are given up") == 2
    assert "start 2, 2 at a time on n1: the last start had not answered before" in job.output()
    assert "ended: 2 starts in a row came to their time limit before even one" in job.output()


def test_time_limit(waiting, straight):
    """As often as needed, without a hand, and no cell from its start again."""
    job = waiting["limit"]
    seen = {}
    while not job.has_ended():
        for cell in job.cells():
            episode = cell["episode"] or 0
            assert episode >= seen.get(cell["run"], 0), f"it went back: {cell}"
            seen[cell["run"]] = episode
        time.sleep(0.1)
    assert_complete(job, straight)
    assert job.starts() > 1 and job.output().count("stopping before the time limit") >= 1
    assert max(cell["attempts"] for cell in job.cells()) > 1


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
    assert f"continues as job {job.id()}" in job.output()
