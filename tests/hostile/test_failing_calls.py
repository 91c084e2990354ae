# SPDX-License-Identifier: MIT
"""Single calls of the system that fail (failing_calls.c), in sweeps alone and of three ranks, in
starts and continuations, and in what reads files. Whatever fails, the program ends in time, with a
code that is documented and a sentence; the file, if there is one, can be read; and the same command
then ends with the bytes of a sweep that nothing happened to.

CCMSWEEP_FAILURES=all tries each call of a sweep alone, and many more of those of ranks."""
import errno
import json
import os
import random
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from contents import outside_volatile
from program import listing
from shims import shim
from sweep_case import SANITIZED, Job, needs_faults, said, sweep, write_spec

ALL = os.environ.get("CCMSWEEP_FAILURES") == "all"
SPEC = """\
training: {batch: 8, episodes: 120}
networks: {critic_hidden1: 32, critic_hidden2: 16}
environment: {agents: 5}
tracking: {log_every: 10, snapshot_every: 40}
evaluation: {every: 40, episodes: 2}
checkpoint: {every_s: 0.003}
grid:
  actor_lr: [0.1, 0.001]
  seed: [1, 2]
"""
SHIM = shim("failing_calls")
RUN = ["s.yaml", "-o", "b.h5", "--progress", "none"]
# What a disk, a network file system or a full machine says to each kind of call. None of these is
# the user's error.
ERRORS = {
    "open": ["EIO", "EMFILE", "ENOMEM", "ESTALE"],
    "read": ["EIO", "ESTALE"],
    "pread": ["EIO", "ESTALE", "ENOMEM"],
    "write": ["ENOSPC", "EIO", "EDQUOT"],
    "pwrite": ["ENOSPC", "EIO", "EDQUOT"],
    "fsync": ["EIO", "ENOSPC"],
    "rename": ["EIO", "ENOSPC"],
    "ftruncate": ["EIO", "EFBIG"],
    "fallocate": ["ENOSPC", "EIO"],
    "stat": ["EIO", "ESTALE"],
    "access": ["EIO", "ESTALE"],
    "readlink": ["EIO", "ESTALE"],
    "lock": ["EIO", "ENOLCK"],
    "mkdir": ["ENOSPC", "EIO"],
    "unlink": ["EIO"],
    "malloc": ["ENOMEM"],
}
# Calls tried of each kind and situation in the short form; seconds until a command hangs.
FEW, PATIENCE = 3, 90
# Ranks that wait for one that failed inside MPI-IO give up, earlier than users would want.
WATCHED = "patience:8"
READERS = [
    ["status", "--cells", "--json", "b.h5"],
    ["show", "b.h5"],
    ["aggregate", "--format", "json", "b.h5"],
    ["export", "b.h5", "tables"],
    ["plan", "s.yaml", "b.h5"],
    ["run", "s.yaml", "-o", "copy.h5", "--reuse", "b.h5", "--progress", "none"],
]

if SANITIZED:
    pytest.skip("what is loaded first must be the sanitizer", allow_module_level=True)


class Failure:
    """One call that fails: KIND, which one (with "+": and all later ones), the error and rank."""

    def __init__(self, kind, number, error, rank=0, everywhere=False):
        self.kind, self.number, self.error, self.rank = kind, number, error, rank
        self.everywhere = everywhere

    def __str__(self):
        where = "" if self.everywhere else " on files of the sweep"
        return f"{self.kind} no. {self.number} on rank {self.rank}{where}: {self.error}"

    def environment(self, folder):
        """The variables that make it happen, in a command that works in the folder."""
        code = getattr(errno, self.error) if self.error else 0
        return {"LD_PRELOAD": SHIM, "CCMSWEEP_FAIL": f"{self.kind}:{self.number}:{code}",
                "CCMSWEEP_FAIL_RANK": str(self.rank), "CCMSWEEP_FAIL_NOTE": f"{folder}.note",
                **({} if self.everywhere else {"CCMSWEEP_FAIL_UNDER": str(folder)})}


def run_in(folder, words, failure=None, ranks=0):
    """A command with one of its calls failing; with ranks under mpirun."""
    extra = failure.environment(folder) if failure else {}
    watched = WATCHED if ranks > 0 else None
    with Job(ranks, *words, cwd=folder, seconds=PATIENCE, extra=extra, faults=watched) as job:
        return job.finish(PATIENCE + 30)


def notes_of(folder):
    """What the failing calls have noted, and forget it."""
    note = folder.with_name(folder.name + ".note")
    lines = note.read_text(encoding="utf-8").splitlines() if note.exists() else []
    note.unlink(missing_ok=True)
    return lines


def counts(folder, words):
    """How many calls of each kind a command makes that nothing happens to."""
    done = run_in(folder, words, Failure("open", 0, None))
    assert done.returncode == 0, done.stderr
    return {line.split()[0]: int(line.split()[1]) for line in notes_of(folder)}


def complaints(done, failure, ranks, fired=(), codes=(0, 1)):
    """In words, what is wrong with how a command ended. `fired` are notes on calls that failed: what
    Open MPI makes of a socket of its own that fails is a crash, with a code of its own."""
    told = said(done)
    crash = any(" socket:" in line for line in fired) or done.returncode < 128
    launcher = ranks > 0 and done.returncode not in (2, 3, 4, 75, 124) and crash
    if done.returncode == 124:
        return ["it hangs"]
    if done.returncode not in codes and not launcher:
        return [f"code {done.returncode}"]
    if done.returncode != 0 and not told:
        return [f"code {done.returncode} without a word"]
    words = "out of memory" if failure.kind == "malloc" else os.strerror(
        getattr(errno, failure.error))
    if ranks == 0 and done.returncode == 1 and not any(words in line for line in told):
        return [f"it does not say {words!r}"]
    return []


class Case:
    """A situation in which the sweep is started: a folder that is copied for each failure."""

    def __init__(self, folder, straight, recorded=0):
        self.folder, self.recorded = folder, recorded
        self.straight = outside_volatile(straight)
        self.counted = None

    def count(self, kind, place):
        """How many calls of a kind the sweep makes; looked at once, in a copy at the place."""
        if self.counted is None:
            self.counted = counts(self.copy(place), ["run", *RUN])
        return self.counted.get(kind, 0)

    def copy(self, place):
        shutil.copytree(self.folder, place)
        return place

    def differs(self, path):
        return outside_volatile(path) != self.straight

    def lost(self, folder):
        """What a failure has cost, in words: a file that cannot be read, or runs that were in it."""
        if not (folder / "b.h5").exists():
            return ["the file is gone"] if self.recorded else []
        status = run_in(folder, ["status", "--json", "b.h5"])
        if status.returncode != 0:
            return [f"status says {status.returncode}: {status.stderr}"]
        done = json.loads(status.stdout)["states"]["done"]
        return [f"only {done} runs are left in the file"] if done < self.recorded else []

    def try_one(self, place, failure, ranks):
        """Returns what is wrong, in words, with what became of the failure; None: it never came
        to that call."""
        folder = self.copy(place)
        done = run_in(folder, ["run", *RUN], failure, ranks)
        fired = [line for line in notes_of(folder) if line.startswith("failed")]
        wrong = complaints(done, failure, ranks, fired) if fired else []
        path = folder / "b.h5"
        if done.returncode == 0 and (not path.exists() or self.differs(path)):
            wrong.append("code 0, and the file is not as it should be")
        wrong += self.lost(folder)
        again = run_in(folder, ["run", *RUN], ranks=ranks)
        if again.returncode != 0:
            wrong.append(f"then {again.returncode}: {again.stderr}")
        elif self.differs(path):
            wrong.append("then the file is not as it should be")
        elif listing(folder) != ["b.h5", "b.h5.lock", "s.yaml"]:
            wrong.append(f"then there is {listing(folder)}")
        shutil.rmtree(folder)
        if not fired:
            return wrong or None
        return [f"{failure} ({fired[0].rpartition(': ')[2]}): {'; '.join(wrong)}; it said: "
                f"{' / '.join(said(done))}"] if wrong else []


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """A sweep that begins, and one that was killed after the rows of its second cell, with a
    checkpoint of it and no record."""
    needs_faults()
    straight = tmp_path_factory.mktemp("straight")
    write_spec(straight, SPEC)
    assert sweep(0, *RUN, cwd=straight).returncode == 0
    begins, goes_on = tmp_path_factory.mktemp("begins"), tmp_path_factory.mktemp("goes-on")
    for folder in (begins, goes_on):
        write_spec(folder, SPEC)
    sweep(0, *RUN, "--order", "plan", cwd=goes_on, faults="rows@1=kill")
    assert (goes_on / "b.h5.ckpt/run-000001.ckpt").exists()
    return {"begins": Case(begins, straight / "b.h5"),
            "goes on": Case(goes_on, straight / "b.h5", recorded=1),
            "is read": Case(straight, straight / "b.h5")}


def numbers(count, draw):
    """Which calls of so many are to fail: the first, the last and drawn ones, or all."""
    if ALL or count <= FEW:
        return range(1, count + 1)
    return sorted({1, count, *draw.sample(range(2, count), FEW - 2)})


def failures_of(kind, count, draw):
    errors = ERRORS[kind]
    return [Failure(kind, number, errors[place % len(errors)])
            for place, number in enumerate(numbers(count, draw))]


def try_all(tmp_path, failures, attempt):
    """Two at a time, as there are cores on the smallest machine; complaints of all."""
    with ThreadPoolExecutor(min(os.cpu_count(), 4)) as pool:
        found = list(pool.map(lambda item: attempt(tmp_path / f"f{item[0]}", item[1]),
                              enumerate(failures)))
    assert any(one is not None for one in found), "no call failed"
    return [line for one in found if one for line in one]


@pytest.mark.parametrize("situation", ["begins", "goes on"])
@pytest.mark.parametrize("kind", ERRORS)
def test_alone(kind, situation, cases, tmp_path):
    case = cases[situation]
    count = case.count(kind, tmp_path / "counted")
    if count == 0:
        pytest.skip(f"a sweep that {situation} makes no such call")
    failures = failures_of(kind, count, random.Random(f"{kind} {situation}"))
    wrong = try_all(tmp_path, failures, lambda place, one: case.try_one(place, one, 0))
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("words", READERS, ids=lambda words: words[0])
def test_readers(words, cases, tmp_path):
    """What only reads says what failed, with code 1; or the same as ever."""
    case = cases["is read"]
    found = counts(case.copy(tmp_path / "counted"), words)
    draw = random.Random(" ".join(words))
    failures = [failure for kind in ("open", "read", "pread", "stat", "readlink", "malloc", "write")
                for failure in failures_of(kind, found.get(kind, 0), draw)]

    def attempt(place, failure):
        folder = case.copy(place)
        done = run_in(folder, words, failure)
        fired = [line for line in notes_of(folder) if line.startswith("failed")]
        wrong = complaints(done, failure, 0)
        if case.differs(folder / "b.h5"):
            wrong.append("the file was changed")
        shutil.rmtree(folder)
        return None if not fired else [
            f"{failure} ({fired[0].rpartition(': ')[2]}): {'; '.join(wrong)}; it said: "
            f"{' / '.join(said(done))}"] if wrong else []

    wrong = try_all(tmp_path, failures, attempt)
    assert not wrong, "\n".join(wrong)


# Of three ranks: which call, and whether only those on files of the sweep count.
FEW_OF_RANKS = [
    Failure("open", 24, "EMFILE", 1, True),
    Failure("open", 3, "EIO", 1),
    Failure("pread", 3, "EIO", 1),
    Failure("pread", 40, "ESTALE", 0),
    Failure("pwrite", 20, "ENOSPC", 1),
    Failure("pwrite", 60, "EIO", 0),
    Failure("fsync", 2, "EIO", 2),
    Failure("stat", 4, "ESTALE", 1),
    Failure("malloc", 30, "ENOMEM", 2),
]


def spread():
    """Of all kinds, on each rank, ever further apart."""
    draw = random.Random(3)
    return [Failure(kind, number + draw.randrange(number), draw.choice(ERRORS[kind]), rank, wide)
            for kind in ERRORS for rank in (0, 1, 2) for wide in (False, True)
            for number in (1, 2, 4, 8, 16, 32, 64, 128) if not (wide and kind == "malloc")]


@pytest.mark.parametrize("failure", spread() if ALL else FEW_OF_RANKS, ids=str)
def test_three_ranks(failure, cases, tmp_path):
    situation = "goes on" if failure.number % 2 == 0 else "begins"
    wrong = cases[situation].try_one(tmp_path / "f", failure, 3)
    if wrong is None:
        pytest.skip("it never came to that call")
    assert not wrong, "\n".join(wrong)
