# SPDX-License-Identifier: MIT
"""Sweeps by several ranks: whoever trains which cell, the file has the same bytes; exit codes and
messages are those of one program, not of as many as there are ranks."""
import os
import shutil
import signal
import time
from pathlib import Path

import h5py
import pytest
from contents import Sweep, assert_same_results
from program import listing
from sweep_case import (CELLS, LONG, SPEC, Job, cpu_seconds, reference, said, send, sweep,
                        wait_until, write_spec)

QUIET = ["--progress", "none"]
RUN = ["s.yaml", "-o", "b.h5", *QUIET]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    return reference(tmp_path_factory.mktemp("straight"))


@pytest.fixture()
def folder(tmp_path):
    write_spec(tmp_path)
    return tmp_path


# Rows


@pytest.mark.parametrize("ranks, order", [
    (0, "random"), (1, "expected"), (2, "expected"), (3, "expected"), (3, "plan"),
    (3, "random"), (5, "expected")])
def test_same_bytes(ranks, order, straight, folder):
    """As of one process that was left alone (0 ranks: without a launcher, in another order)."""
    done = sweep(ranks, *RUN, "--order", order, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert_same_results(straight, folder / "b.h5")
    assert listing(folder) == ["b.h5", "b.h5.lock", "s.yaml"]


def test_what_is_compared_is_there(straight):
    """Cells of two shapes, with events and without, and every worker trained some."""
    got = Sweep(straight)
    assert len(got.done()) == got.runs == CELLS
    assert {outcome for outcome, _ in got.done().values()} == {"stopped", "censored"}
    assert set(got.values["extent_episode"]) == {400, 1200}
    assert all(rows == got.hash(run) for run, (_, rows) in got.done().items())


def test_every_worker_works(folder):
    assert sweep(3, *RUN, cwd=folder).returncode == 0
    assert set(Sweep(folder / "b.h5").ranks()) == {1, 2}


def test_nothing_to_do(straight, folder):
    shutil.copy(straight, folder / "b.h5")
    before = (folder / "b.h5").read_bytes()
    done = sweep(3, *RUN, cwd=folder)
    assert done.returncode == 0
    assert any("nothing to do" in line for line in said(done)), done.stderr
    assert_same_results(straight, folder / "b.h5")
    assert len((folder / "b.h5").read_bytes()) == len(before)


# Exit codes and messages


def assert_refused(done, code, *words):
    """One sentence, from one rank."""
    lines = said(done)
    assert done.returncode == code, done.stderr
    assert done.stdout == "" and len(lines) == 1 and lines[0].startswith("ccmsweep: "), done.stderr
    assert all(word in lines[0] for word in words), done.stderr


def test_bad_spec(folder):
    write_spec(folder, SPEC.replace("batch: 16", "bacth: 16"))
    assert_refused(sweep(3, *RUN, cwd=folder), 2, "s.yaml:1: ", "bacth", "training.batch")
    assert listing(folder) == ["s.yaml"]


def test_no_output(folder):
    done = sweep(3, "s.yaml", cwd=folder)
    assert done.returncode == 2 and said(done)[0].count("--output") == 1
    assert done.stderr.count("expected --output FILE") == 1


def test_help_is_printed_once(folder):
    done = sweep(3, "--help", cwd=folder)
    assert (done.returncode, said(done)) == (0, [])
    assert done.stdout.count("--stop-before") == 1


def test_file_of_another_spec(straight, folder):
    shutil.copy(straight, folder / "b.h5")
    before = (folder / "b.h5").read_bytes()
    write_spec(folder, SPEC.replace("agents: 3", "agents: 4").replace("batch: 16", "batch: 8"))
    done = sweep(3, *RUN, cwd=folder)
    assert_refused(done, 2, "b.h5", "environment.agents", "training.batch")
    assert (folder / "b.h5").read_bytes() == before
    assert listing(folder) == ["b.h5", "s.yaml"]


def test_truncated_file(straight, folder):
    content = straight.read_bytes()
    (folder / "b.h5").write_bytes(content[:len(content) // 2])
    assert_refused(sweep(3, *RUN, cwd=folder), 2, "b.h5")
    assert (folder / "b.h5").read_bytes() == content[:len(content) // 2]


def test_file_of_another_program(folder):
    with h5py.File(folder / "b.h5", "w") as file:
        file["x"] = 1
    assert_refused(sweep(3, *RUN, cwd=folder), 2, "b.h5")
    assert listing(folder) == ["b.h5", "s.yaml"]


def test_newer_schema(straight, folder):
    shutil.copy(straight, folder / "b.h5")
    with h5py.File(folder / "b.h5", "r+") as file:
        file.attrs.modify("schema_version", file.attrs["schema_version"] + 1)
    assert_refused(sweep(3, *RUN, cwd=folder), 2, "b.h5", "schema")


def test_missing_folder(folder):
    assert_refused(sweep(3, "s.yaml", "-o", "no/b.h5", *QUIET, cwd=folder), 2, "no/b.h5")
    assert listing(folder) == ["s.yaml"]


def test_read_only_folder(folder):
    place = folder / "no"
    place.mkdir(mode=0o500)
    if os.access(place, os.W_OK):
        place = Path("/sys")  # nobody, not even root, makes a file there
    assert_refused(sweep(3, "s.yaml", "-o", place / "b.h5", *QUIET, cwd=folder), 2, "b.h5",
                   "Permission denied")


def test_two_at_once(tmp_path):
    """One works; the other says who has the file. Three times, on new files."""
    write_spec(tmp_path, LONG)
    for number in range(3):
        words = ["run", "s.yaml", "-o", f"{number}.h5", "--wait", "0.5", *QUIET]
        with Job(2, *words, cwd=tmp_path) as one, Job(2, *words, cwd=tmp_path) as other:
            wait_until(lambda a=one, b=other: {a.process.poll(), b.process.poll()} != {None},
                       "both work")
            loser, winner = (one, other) if other.process.poll() is None else (other, one)
            assert_refused(loser.finish(), 4, f"{number}.h5 is in use by another process (host ")
            send(winner.wait_for_ranks()[0], signal.SIGUSR1)
            done = winner.finish()
            assert done.returncode == 75, done.stderr


def test_output_is_that_of_one_program(straight, folder):
    """Five ranks say what one says."""
    one = sweep(0, "s.yaml", "-o", "one.h5", *QUIET, cwd=folder)
    many = sweep(5, *RUN, cwd=folder)
    assert (one.returncode, many.returncode) == (0, 0)
    assert many.stdout.count("\n") == one.stdout.count("\n")
    assert [line.replace("one.h5", "b.h5") for line in said(one)] == said(many)


# Stopping


def stop(words, target, folder):
    """Stop a sweep of three ranks when it has done some cells: `target` of the job gets SIGUSR1."""
    with Job(3, "run", *words, cwd=folder) as job:
        ranks = job.wait_for_ranks()
        wait_until(lambda: (folder / "b.h5.ckpt").exists(), "no checkpoint appeared")
        send(job.launcher() if target == "mpirun" else ranks[target], signal.SIGUSR1)
        return job.finish()


@pytest.mark.parametrize("target", ["mpirun", 0, 2], ids=["mpirun", "rank_0", "a_worker"])
def test_stopped_and_gone_on_with(target, straight, folder):
    """To the same end, and nothing is held against the cells that were interrupted."""
    done = stop(RUN, target, folder)
    assert done.returncode == 75, done.stderr
    assert "run the same command again" in said(done)[-1]
    half = Sweep(folder / "b.h5")
    assert 0 < half.runs - len(half.done())
    with h5py.File(folder / "b.h5") as file:
        assert not any(file[f"volatile/{name}"][:].any() for name in ("flight", "suspect", "lost"))
    done = sweep(3, *RUN, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert_same_results(straight, folder / "b.h5")
    assert listing(folder) == ["b.h5", "b.h5.lock", "s.yaml"]


def test_stop_before(tmp_path):
    """Long cells, two seconds: checkpoints are written by then."""
    write_spec(tmp_path, LONG)
    began = time.monotonic()
    done = sweep(3, *RUN, "--stop-before", "+2s", cwd=tmp_path)
    assert done.returncode == 75, done.stderr
    assert "the time is up" in said(done)[-1]
    assert time.monotonic() - began < 20
    kept = [path.name for path in (tmp_path / "b.h5.ckpt").iterdir()]
    assert len(kept) == 2 and all(name.endswith(".ckpt") for name in kept), kept


def test_rank_0_idles(tmp_path):
    """While two workers train, it takes less than a fifth of the time that they take."""
    write_spec(tmp_path, LONG)
    with Job(3, "run", *RUN, cwd=tmp_path) as job:
        ranks = job.wait_for_ranks()
        wait_until(lambda: (tmp_path / "b.h5").exists(), "no file was made")
        before = {rank: cpu_seconds(pid) for rank, pid in ranks.items()}
        time.sleep(3)
        took = {rank: cpu_seconds(pid) - before[rank] for rank, pid in ranks.items()}
        send(ranks[0], signal.SIGUSR1)
        assert job.finish().returncode == 75
    assert 5 * took[0] < min(took[1], took[2]), took
