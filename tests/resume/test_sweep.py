# SPDX-License-Identifier: MIT
"""Sweeps that are killed. After every kill the file opens, whatever counts is right, and nothing
that counted is lost; in the end it has the bytes of a sweep that was left alone."""
import os
import random
import signal
import subprocess
import time

import h5py
import pytest
from contents import Sweep, assert_same_results, wrong_runs
from program import listing
from sweep_case import (CELLS, SANITIZED, Job, needs_faults, reference, said, send, sweep,
                        wait_until, write_spec)

KILLS = int(os.environ.get("CCMSWEEP_KILLS") or 16)
MERGE_KILLS = min(KILLS, 15) if KILLS <= 16 else KILLS
RUN = ["s.yaml", "-o", "b.h5", "--progress", "none"]
TARGETS = ["a worker", "rank 0", "mpirun", "everything"]
# Where a kill is to fall: what is slowed down, what is waited for, and between how many seconds the
# instant is drawn from then on, or from the start of the job. None: the program as it is. What is
# waited for is a file, or that rank 0 has noted its start in the sweep's file, or that this start has
# rows of a run that does not count: how long that takes is the machine's affair.
STARTED = "a start in the file"
ROWS = "rows without a commit record"
PLACES = [
    (None, None, (0.1, 1.8)),
    ("create=sleep:5000", "b.h5.ccmsweep-tmp.*", (0, 0.5)),
    (None, STARTED, (0, 1.2)),
    ("rows=sleep:300", STARTED, (0, 2)),
    ("record=sleep:5000", ROWS, (0, 2)),
    ("commit=sleep:300", STARTED, (0, 2)),
    ("checkpoint=sleep:200", STARTED, (0, 1.5)),
    ("begin=sleep:100", STARTED, (0, 1.5)),
]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    return reference(tmp_path_factory.mktemp("straight"))


@pytest.fixture()
def folder(tmp_path):
    write_spec(tmp_path)
    return tmp_path


# The same while runs are copied, which is before the start is noted.
COPYING = [
    (None, None, (0.1, 1.8)),
    ("rows=sleep:60", "b.h5", (0.2, 2)),
    ("record=sleep:60", "b.h5", (0.2, 2)),
    ("commit=sleep:60", "b.h5", (0.2, 2)),
    (None, STARTED, (0, 0.5)),
]


class Harness:
    """A sweep of three ranks in b.h5, killed again and again."""

    def __init__(self, folder, straight, seed, words=(), beside=()):
        self.folder = folder
        self.words = [*RUN, *words]
        self.beside = list(beside)
        self.path = folder / "b.h5"
        self.straight = straight
        self.draw = random.Random(seed)
        self.targets = []
        self.done = set()
        self.kills = 0
        self.seen = {}
        self.story = "before the first kill"

    def kill(self, faults=None, sign=None, instants=(0.1, 1.8)):
        """Start or resume the sweep and kill it. False: it was complete before that."""
        self.targets = self.targets or self.draw.sample(TARGETS, len(TARGETS))
        target = self.targets.pop()
        instant = self.draw.uniform(*instants)
        self.story = f"kill {self.kills + 1}: {target} after {instant:.3f} s, faults {faults}"
        before = self.starts()
        with Job(3, "run", *self.words, cwd=self.folder, faults=faults) as job:
            if sign:
                wait_until(lambda: job.process.poll() is not None or self.shows(sign, before),
                           f"{self.story}: no {sign}")
            end = time.monotonic() + instant
            while job.process.poll() is None and time.monotonic() < end:
                time.sleep(0.002)
            if job.process.poll() is not None:
                done = job.finish()
                assert done.returncode == 0, f"{self.story}: {done.returncode}: {done.stderr}"
                return False
            self.hit(job, target)
            done = job.finish()
        assert done.returncode not in (2, 3, 4, 75), f"{self.story}: {done.stderr}"
        self.kills += 1
        self.count(f"killed {target}")
        return True

    def shows(self, sign, before):
        """Whether what is waited for is there, of a start that came after `before` others."""
        if sign not in (STARTED, ROWS):
            return any(self.folder.glob(sign))
        return self.starts() > before and (sign == STARTED or bool(Sweep(self.path).begun()))

    def starts(self):
        """How many starts the sweep's file has noted, 0 while there is none."""
        try:
            with h5py.File(self.path) as file:
                return max(file["volatile/start_log_number"][:])
        except OSError:
            return 0

    def hit(self, job, target):
        """Send SIGKILL; when the target is not up yet, to everything there is."""
        ranks = job.ranks()
        victim = {"a worker": ranks.get(self.draw.choice([1, 2])), "rank 0": ranks.get(0),
                  "mpirun": job.launcher(), "everything": None}[target]
        if victim is None:
            job.kill()
        else:
            send(victim, signal.SIGKILL)

    def count(self, what):
        self.seen[what] = self.seen.get(what, 0) + 1

    def check(self):
        """What must hold after every kill; returns what is wrong, in words."""
        if list(self.folder.glob("b.h5.ccmsweep-tmp.*")):
            self.count("in the creation")
        if not self.path.exists():
            return ["the file is gone"] if self.done else []
        if list(self.folder.glob("b.h5.ckpt/*.ccmsweep-tmp.*")):
            self.count("in a checkpoint")
        if list(self.folder.glob("b.h5.ckpt/*.ckpt")):
            self.count("with checkpoints")
        got = Sweep(self.path)
        if got.begun():
            self.count("between rows and record")
        wrong = wrong_runs(self.path, self.straight)
        wrong += [f"run {run}: {outcome}" for run, outcome in got.set_aside().items()]
        wrong += [f"run {run}: counted before" for run in sorted(self.done - set(got.done()))]
        self.done = set(got.done())
        with h5py.File(self.path) as file:
            marked = file["volatile/crashes"][:].nonzero()[0]
        wrong += [f"run {run}: a crash mark" for run in marked]
        for options in ["-H"], ["-d", "commit"], [] if self.kills % 5 == 0 else ["-d", "reward"]:
            if subprocess.run(["h5dump", *options, self.path], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, check=False).returncode != 0:
                wrong.append(f"h5dump {' '.join(options)} fails")
        return wrong

    def complete(self):
        """Let the sweep end; its file is that of a sweep left alone. Then make room for another."""
        done = sweep(3, *self.words, cwd=self.folder)
        assert done.returncode == 0, f"{self.story}: {done.stderr}"
        assert_same_results(self.straight, self.path)
        assert listing(self.folder) == sorted(["b.h5", "b.h5.lock", "s.yaml", *self.beside])
        self.path.unlink()
        self.done = set()


def test_killed_anywhere(straight, folder):
    """At random instants; most of the time slowed down where a kill might hurt most."""
    needs_faults()
    if SANITIZED:
        pytest.skip("the instants are those of a program without sanitizers")
    harness = Harness(folder, straight, seed=1)
    while harness.kills < KILLS:
        place = PLACES[harness.kills % len(PLACES)]
        # Most kills fall on what others have left: a new file is for those that wait for its creation
        # or its rows, and when so much is done that the end would come first.
        late = len(harness.done) > CELLS // 2
        if harness.path.exists() and (place[1] not in (None, STARTED) or place[1] and late):
            harness.complete()
        if not harness.kill(*place):
            harness.complete()
            continue
        wrong = harness.check()
        assert not wrong, "\n".join([harness.story, *wrong])
    harness.complete()
    for what in ("in the creation", "in a checkpoint", "with checkpoints",
                 "between rows and record", *(f"killed {target}" for target in TARGETS)):
        assert harness.seen.get(what), f"no kill fell {what}: {harness.seen}"


def test_a_merge_is_killed_anywhere(straight, folder):
    """While runs of two files, which have some in common, are copied, and while the cells that
    neither has are trained."""
    needs_faults()
    if SANITIZED:
        pytest.skip("the instants are those of a program without sanitizers")
    for name, some in (("one.h5", ["seed=1,seed=2"]), ("two.h5", ["seed=2,seed=3,seed=4",
                                                                  "actor_lr=0.1"])):
        only = [word for condition in some for word in ("--only", condition)]
        done = sweep(0, "s.yaml", "-o", name, "--progress", "none", *only, cwd=folder)
        assert done.returncode == 0, done.stderr
    before = {name: (folder / name).read_bytes() for name in ("one.h5", "two.h5")}
    for name in before:
        (folder / f"{name}.lock").unlink()
    harness = Harness(folder, straight, 4, ["--reuse", "one.h5", "--reuse", "two.h5"], before)
    while harness.kills < MERGE_KILLS:
        place = COPYING[harness.kills % len(COPYING)]
        if place[0] and len(harness.done) > CELLS // 2:
            harness.complete()
        if not harness.kill(*place):
            harness.complete()
            continue
        wrong = harness.check()
        if 0 < len(harness.done) < CELLS // 2:
            harness.count("while runs were copied")
        assert not wrong, "\n".join([harness.story, *wrong])
    harness.complete()
    assert harness.seen.get("while runs were copied"), harness.seen
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_checker_finds_the_wrong_order(straight, folder):
    """The negative control: with the commit record written before the rows, some kill leaves a run
    that counts and is wrong."""
    needs_faults()
    if SANITIZED:
        pytest.skip("the instants are those of a program without sanitizers")
    harness = Harness(folder, straight, seed=2)
    found = []
    for _ in range(10):
        if not harness.kill("reverse,commit=sleep:3000", STARTED, (0.5, 2)):
            break
        found = harness.check()
        if found:
            break
    assert any("not those that its commit record names" in line for line in found), harness.seen


@pytest.mark.parametrize("name", ["commit", "reward", "first_still", "actor_moving"])
def test_checker_finds_one_bit(name, straight, folder):
    content = bytearray(straight.read_bytes())
    with h5py.File(straight) as file:
        dataset = file[name]
        at = dataset.id.get_offset() + 7 * dataset.nbytes // len(dataset)
    content[at + 1] ^= 4
    (folder / "b.h5").write_bytes(content)
    harness = Harness(folder, straight, seed=3)
    harness.done = set(range(CELLS))
    wrong = harness.check()
    assert wrong and all(line.startswith("run 7: ") for line in wrong), wrong


# Cells that crash


def name_of(run, file):
    """A cell, as messages name it."""
    values = Sweep(file).values
    return (f"run {run} (actor_lr {values['actor_lr'][run]:g}, critic_lr "
            f"{values['critic_lr'][run]:g}, seed {values['seed'][run]})")


def start_until_it_ends(folder, faults, *words, most=12):
    """Start the sweep again after every crash, as jobs do; returns codes and the last one."""
    codes = []
    while len(codes) < most:
        done = sweep(3, *RUN, *words, cwd=folder, faults=faults)
        codes.append(done.returncode)
        if done.returncode < 128:
            break
    return codes, done


def assert_all_but(run, outcome, folder, straight):
    """Every other cell counts and is right; this one is set aside."""
    got = Sweep(folder / "b.h5")
    assert len(got.done()) == CELLS and got.set_aside() == {run: outcome}
    assert not wrong_runs(folder / "b.h5", straight)


def retry(outcome, straight, folder):
    """Without the fault: the file is that of a sweep in which nothing ever happened."""
    done = sweep(3, *RUN, "--retry", outcome, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert_same_results(straight, folder / "b.h5")
    assert listing(folder) == ["b.h5", "b.h5.lock", "s.yaml"]


@pytest.mark.parametrize("crash, code", [("segv", 139), ("abort", 134)])
def test_cell_that_crashes_is_quarantined(crash, code, straight, folder):
    """After three starts; nothing else suffers. It can be tried again."""
    needs_faults()
    codes, done = start_until_it_ends(folder, f"begin@5={crash}")
    assert codes == [code, code, code, 3], done.stderr
    name = name_of(5, straight)
    assert f"ccmsweep: {name} is quarantined: it crashed 3 times" in said(done), done.stderr
    assert_all_but(5, "quarantined", folder, straight)
    retry("quarantined", straight, folder)


def test_cell_that_is_killed_is_found(straight, folder):
    """No mark tells which cell it was: it is the lone suspect in the end."""
    needs_faults()
    codes, done = start_until_it_ends(folder, "begin@5=kill", "--max-lost", "3")
    assert codes[:-1] == [137] * (len(codes) - 1) and codes[-1] == 3, done.stderr
    assert 4 <= len(codes) <= 6, codes
    name = name_of(5, straight)
    assert f"ccmsweep: {name} failed: 3 jobs in a row were lost while it was trained" in said(done)
    assert_all_but(5, "failed", folder, straight)
    retry("failed", straight, folder)


def test_fail_fast(folder):
    """The first mark is enough, and ends the sweep."""
    needs_faults()
    codes, done = start_until_it_ends(folder, "begin@5=segv", "--fail-fast", "--order", "plan")
    assert codes == [139, 3], done.stderr
    got = Sweep(folder / "b.h5")
    assert got.set_aside() == {5: "quarantined"} and len(got.done()) < CELLS
    assert "given up" in said(done)[-1], done.stderr


def test_max_failed(folder):
    """Nothing is begun any more once so many are set aside."""
    needs_faults()
    codes, done = start_until_it_ends(folder, "begin@1=segv,begin@30=segv", "--max-failed", "1",
                                      "--order", "plan")
    assert codes == [139, 139, 139, 3], done.stderr
    got = Sweep(folder / "b.h5")
    assert got.set_aside() == {1: "quarantined"} and len(got.done()) < CELLS
    assert "given up" in said(done)[-1], done.stderr


# Disks that are full


@pytest.fixture()
def small_disk(folder):
    """Mounts a disk of some bytes in a folder."""
    mounted = []

    def mount(name, size):
        place = folder / name
        place.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place],
                              capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"no file system can be mounted here: {done.stderr.strip()}")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_no_room_for_the_file(small_disk, folder):
    """Said at once, and nothing is left."""
    place = small_disk("full", "1m")
    done = sweep(3, "s.yaml", "-o", "full/b.h5", "--progress", "none", cwd=folder)
    assert done.returncode == 1, done.stderr
    assert any("full/b.h5" in line and "No space left on device" in line for line in said(done))
    assert listing(place) == ["b.h5.lock"]


def test_no_room_for_checkpoints(small_disk, straight, folder):
    """Told once by each rank; the sweep completes."""
    small_disk("b.h5.ckpt", "4k")
    done = sweep(3, *RUN, cwd=folder)
    assert done.returncode == 0, done.stderr
    warnings = [line for line in said(done) if "no checkpoint: " in line]
    assert all("No space left on device" in line for line in warnings), warnings
    assert 1 <= len(warnings) <= 2 and len(set(warnings)) == len(warnings), warnings
    assert_same_results(straight, folder / "b.h5")
