# SPDX-License-Identifier: MIT
"""Sweeps that are extended: to more cells, and killed meanwhile. The file is the old one or the new
one with all that was committed and saved, and in the end that of a sweep that was left alone."""
import json
import os
import random
import re
import shutil
import signal

import h5py
import pytest
from contents import Sweep, assert_same_results
from program import PROGRAM, listing, run
from sweep_case import SANITIZED, Job, needs_faults, said, send, sweep, wait_until

KILLS = int(os.environ.get("CCMSWEEP_KILLS") or 15)
QUIET = ["--progress", "none"]
TINY = """\
training: {{batch: 8, episodes: {episodes}, episodes_after_stop: 40}}
networks: {{critic_hidden1: 16, critic_hidden2: 8}}
environment: {{agents: 3}}
tracking: {{log_every: 10, snapshot_every: 50, absorb: 20}}
evaluation: {{every: 50, episodes: 2}}
checkpoint: {{every_s: 0.02}}
grid:
  actor_lr: {actors}
  critic_lr: [0.01]
  seed: {seeds}
"""
# The wider sweeps have the cells of the narrower ones in other places.
NARROW = TINY.format(episodes=120, actors="[0.1, 0.001]", seeds="[3, 5]")
WIDE = TINY.format(episodes=120, actors="[0.3, 0.1, 0.01, 0.001]", seeds="[2, 3, 4, 5]")
WIDEST = TINY.format(episodes=120, actors="[0.3, 0.2, 0.1, 0.05, 0.01, 0.003, 0.001, 0.0001]",
                     seeds="[0-19]")
# What is slowed down, and the file that is waited for before a kill.
NEXT = "b.h5.ckpt.next-*"
NEW = "b.h5.ccmsweep-tmp.*"
PLACES = [
    ("create=sleep:300", NEW),
    ("extend@0=sleep:300", NEXT),
    ("extend@1=sleep:300", NEXT),
    ("extend@2=sleep:300", NEXT),
    ("extend@3=sleep:300", NEXT),
    (None, None),
]


def write(folder, **specs):
    for name, text in specs.items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def alone(name, text, folder):
    """The file of a sweep that nobody disturbed."""
    write(folder, **{name: text})
    done = run("run", f"{name}.yaml", "-o", f"{name}.h5", *QUIET, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / f"{name}.h5"


def begin(spec, folder, checkpoints, ranks=3, faults="episode=sleep:4"):
    """Train a sweep in b.h5 and kill it when a run is done and others have checkpoints."""
    saved = folder / "b.h5.ckpt"
    with Job(ranks, "run", spec, "-o", "b.h5", *QUIET, cwd=folder, faults=faults) as job:
        wait_until(lambda: (folder / "b.h5").exists() and Sweep(folder / "b.h5").done()
                   and len(list(saved.glob("run-??????.ckpt"))) >= checkpoints
                   or job.process.poll() is not None, "nothing is done")
        assert job.process.poll() is None, job.finish().stderr
        job.kill()
        job.finish()


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    return alone("wide", WIDE, tmp_path_factory.mktemp("wide"))


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder with a narrow sweep that was killed: one run is done, two have checkpoints."""
    needs_faults()
    folder = tmp_path_factory.mktemp("killed")
    write(folder, narrow=NARROW, wide=WIDE)
    begin("narrow.yaml", folder, 2)
    return folder


@pytest.fixture()
def folder(killed, tmp_path):
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    return tmp_path


def extend(folder, *words, spec="wide.yaml", ranks=0, **options):
    return sweep(ranks, spec, "-o", "b.h5", "--extend", *QUIET, *words, cwd=folder, **options)


def identities(path):
    return [bytes(row) for row in Sweep(path).values["identity"]]


def done_cells(path):
    """The identities of runs that count."""
    all_of_them = identities(path)
    return {all_of_them[run] for run in Sweep(path).done()}


def saved_cells(folder):
    """The identities of cells with a checkpoint, also one that is to take its place yet."""
    return {head.read_bytes()[32:64] for head in folder.glob("b.h5.ckpt*/run-??????.ckpt")}


def wrong_cells(path, reference):
    """Each run that counts and has other rows than the same cell of a sweep left alone."""
    got, wanted = Sweep(path), Sweep(reference)
    places = {identity: run for run, identity in enumerate(identities(reference))}
    wrong = []
    for run_, (outcome, rows) in got.done().items():
        there = places[got.values["identity"][run_].tobytes()]
        if (outcome, rows, got.hash(run_)) != (wanted.done()[there][0], rows, wanted.hash(there)):
            wrong.append(f"run {run_}")
    return wrong


def log(path):
    """Rows of the log of starts in their order: ranks and words."""
    with h5py.File(path) as file:
        rows = {name: file[f"volatile/start_log_{name}"][:] for name in
                ("number", "ranks", "job", "time", "end", "done")}
    order = [row for row in rows["number"].argsort() if rows["number"][row] > 0]
    return [{name: values[row] for name, values in rows.items()} for row in order]


def assert_complete(reference, folder, done, *files):
    """The extended sweep is as one left alone, and no checkpoint was lost on the way."""
    assert done.returncode == 0, done.stderr
    assert "beginning again" not in done.stderr, done.stderr
    assert_same_results(reference, folder / "b.h5")
    left = [name for name in listing(folder) if not re.fullmatch(r"b\.h5\.(meta)?data\.\d", name)]
    assert left == sorted(["b.h5", "b.h5.lock", *files])  # but for what a killed MPI leaves
    assert run("verify", "b.h5", cwd=folder).returncode == 0


class Harness:
    """A narrow sweep that is extended and killed meanwhile."""

    def __init__(self, killed, folder, reference):
        self.killed = killed
        self.folder = folder
        self.reference = reference
        self.draw = random.Random(7)
        self.kills = 0
        self.seen = {}
        self.reset()

    def reset(self):
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(self.killed, self.folder, dirs_exist_ok=True)
        self.done, self.saved = done_cells(self.folder / "b.h5"), saved_cells(self.folder)

    def kill(self, faults, sign):
        """False: it was complete before that."""
        ranks = self.draw.choice([0, 0, 3])
        instant = self.draw.uniform(0, 0.25 if sign else 1.0 if ranks else 0.5)
        self.story = f"kill {self.kills + 1}: {ranks} ranks, {instant:.3f} s, faults {faults}"
        before = {path.name for path in self.folder.glob(sign)} if sign else set()
        with Job(ranks, "run", "wide.yaml", "-o", "b.h5", "--extend", *QUIET, cwd=self.folder,
                 faults=faults) as job:
            if sign:
                wait_until(lambda: job.process.poll() is not None
                           or {path.name for path in self.folder.glob(sign)} - before or
                           (before and len(Sweep(self.folder / "b.h5").values["run"]) > 4),
                           f"{self.story}: no {sign}")
            try:
                job.process.wait(instant)
            except Exception:  # pylint: disable=broad-except
                pass
            if job.process.poll() is not None:
                done = job.finish()
                assert done.returncode == 0, f"{self.story}: {done.stderr}"
                return False
            victim = job.launcher() if ranks and self.draw.random() < 0.3 else None
            if victim:
                send(victim, signal.SIGKILL)
            else:
                job.kill()
            done = job.finish()
        assert done.returncode not in (2, 3, 4, 75), f"{self.story}: {done.stderr}"
        assert "beginning again" not in done.stderr, f"{self.story}: {done.stderr}"
        self.kills += 1
        return True

    def count(self, what):
        self.seen[what] = self.seen.get(what, 0) + 1

    def check(self):
        """What must hold after every kill; returns what is wrong, in words."""
        path = self.folder / "b.h5"
        new, done = Sweep(path).runs == 16, done_cells(path)
        saved, carried = saved_cells(self.folder), list(self.folder.glob(NEXT))
        self.count("the new file" if new else "the old file")
        if carried:
            self.count("new, with checkpoints to come" if new else "old, with checkpoints begun")
        if list(self.folder.glob(NEW)):
            self.count("a temporary")
        wrong = wrong_cells(path, self.reference)
        wrong += ["a run that counted does not"] if self.done - done else []
        verified = run("verify", path)
        wrong += [verified.stdout] if verified.returncode != 0 else []
        wrong += ["a checkpoint is lost"] if self.saved - saved - done else []
        if not carried or not new:
            wrong += self.misplaced(path)
        self.done, self.saved = done, saved
        return wrong

    def misplaced(self, path):
        """Checkpoints that are not of the run whose name they have."""
        cells = identities(path)
        return [f"{file.name} is of another cell" for file in self.folder.glob("b.h5.ckpt/run-*.ckpt")
                if re.fullmatch(r"run-\d{6}\.ckpt", file.name)
                and file.read_bytes()[32:64] != cells[int(file.name[4:10])]]

    def complete(self):
        """Let it end, by the same command or, once it is extended, by one without --extend."""
        plain = Sweep(self.folder / "b.h5").runs == 16 and self.draw.random() < 0.5
        done = (sweep(0, "wide.yaml", "-o", "b.h5", *QUIET, cwd=self.folder) if plain
                else extend(self.folder))
        assert_complete(self.reference, self.folder, done, "narrow.yaml", "wide.yaml")
        assert sum(row["ranks"] == 0 for row in log(self.folder / "b.h5")) == 1


def test_killed_anywhere(killed, wide, tmp_path):
    needs_faults()
    if SANITIZED:
        pytest.skip("the instants are those of a program without sanitizers")
    harness = Harness(killed, tmp_path, wide)
    while harness.kills < KILLS:
        place = PLACES[harness.kills % len(PLACES)]
        if not harness.kill(*place):
            harness.reset()
            continue
        wrong = harness.check()
        assert not wrong, "\n".join([harness.story, *wrong])
        if Sweep(tmp_path / "b.h5").runs == 16 or harness.draw.random() < 0.3:
            harness.complete()
            harness.reset()
    harness.complete()
    for what in ("the old file", "the new file", "a temporary", "old, with checkpoints begun",
                 "new, with checkpoints to come"):
        assert harness.seen.get(what), f"no kill left {what}: {harness.seen}"


def test_checkpoints_take_their_places(folder, wide):
    """Of a killed sweep: nothing is trained twice, and the loss is judged as without it."""
    before = saved_cells(folder)
    done = extend(folder)
    assert_complete(wide, folder, done, "narrow.yaml", "wide.yaml")
    lines = said(done)
    assert lines[0].startswith("ccmsweep: extending b.h5 from 4 to 16 cells: ")
    assert "the last start was lost with" in lines[1], lines
    assert len(before) >= 2
    rows = log(folder / "b.h5")
    assert [row["ranks"] for row in rows] == [3, 0, 1]
    assert rows[1]["job"].rstrip(b"\0") == b"4 to 16 cells"
    assert rows[1]["time"] == rows[1]["end"] > rows[0]["time"]
    with h5py.File(folder / "b.h5") as file:
        attempts = file["volatile/attempts"][:]
    assert (attempts == 2).sum() >= 2  # those that had begun


def test_of_what_is_extended_already_nothing_is_done(folder, wide):
    extend(folder)
    content = (folder / "b.h5").stat().st_ino
    done = extend(folder)
    assert_complete(wide, folder, done, "narrow.yaml", "wide.yaml")
    assert (folder / "b.h5").stat().st_ino == content
    assert "extended" not in done.stderr


def test_chain(tmp_path):
    """4 cells become 16 and 160, each time before they are done."""
    specs = {name: text.replace("episodes: 120", "episodes: 60") for name, text in
             (("narrow", NARROW), ("wide", WIDE), ("widest", WIDEST))}
    reference = alone("widest", specs["widest"], tmp_path)
    folder = tmp_path / "chain"
    folder.mkdir()
    write(folder, **specs)
    needs_faults()
    begin("narrow.yaml", folder, 1)
    with Job(3, "run", "wide.yaml", "-o", "b.h5", "--extend", *QUIET, cwd=folder,
             faults="episode=sleep:4") as job:
        wait_until(lambda: Sweep(folder / "b.h5").runs == 16 and len(Sweep(folder / "b.h5").done()) > 4,
                   "nothing is done")
        send(job.launcher(), signal.SIGUSR1)
        assert job.finish().returncode == 75
    done = extend(folder, spec="widest.yaml", ranks=3)
    assert_complete(reference, folder, done, "narrow.yaml", "wide.yaml", "widest.yaml")
    rows = log(folder / "b.h5")
    assert [row["job"].rstrip(b"\0") for row in rows if row["ranks"] == 0] == [
        b"4 to 16 cells", b"16 to 160 cells"]
    shown = run("status", "b.h5", cwd=folder).stdout
    assert shown.count("extended") == 2 and "from 16 to 160 cells" in shown
    assert "start     no. 3 on " in shown  # an extension is none
    told = json.loads(run("status", "b.h5", "--json", cwd=folder).stdout)
    assert told["last_start"]["number"] == 3


def test_refused(folder, tmp_path):
    """What is no cell of the spec is named, and nothing is changed."""
    before = (folder / "b.h5").read_bytes()
    files = listing(folder)
    write(folder, other=NARROW.replace("[3, 5]", "[3, 4]"))
    for words in [], ["--dry-run"]:
        done = extend(folder, *words, spec="other.yaml")
        assert done.returncode == 2 and done.stdout == ""
        assert ("b.h5 cannot be extended to this spec: run 1 (actor_lr 0.1, critic_lr 0.01, seed 5) "
                "is not a cell of the spec; compared with the nearest one, training.seed is 5 in the "
                "file and 3 in the spec") in done.stderr, done.stderr
    # That the limit is larger is no reason.
    write(folder, more=NARROW.replace("[3, 5]", "[3, 4]").replace("episodes: 120", "episodes: 130"))
    done = extend(folder, spec="more.yaml")
    assert done.returncode == 2 and "training.seed is 5 in the file" in done.stderr
    assert "training.episodes is" not in done.stderr
    (folder / "more.yaml").unlink()
    done = extend(folder, "--dry-run", spec="narrow.yaml")
    assert said(done) == ["ccmsweep: nothing to extend: b.h5 has the cells of the spec already",
                          "ccmsweep: nothing is wrong, nothing was touched"]
    done = sweep(0, "wide.yaml", "-o", "b.h5", cwd=folder)
    assert done.returncode == 2
    assert ("b.h5 was made for 4 of the 16 cells of the spec, and 12 are new: run --extend makes it the "
            "file of them all") in done.stderr
    done = sweep(0, "other.yaml", "-o", "b.h5", cwd=folder)
    assert done.returncode == 2 and "--extend" not in done.stderr
    assert "(4, and the spec has 4): run 1 (actor_lr 0.1, critic_lr 0.01, seed 5) is not a" in done.stderr
    done = sweep(0, "wide.yaml", "-o", "none.h5", "--extend", cwd=folder)
    assert done.returncode == 2
    assert "--extend: there is no none.h5, expected the file of a sweep" in done.stderr
    done = extend(folder, "--dry-run")
    assert done.returncode == 0
    finished = len(Sweep(folder / "b.h5").done())
    assert said(done) == [f"ccmsweep: would extend b.h5 from 4 to 16 cells: {finished} finished, "
                          f"{4 - finished} not finished, 12 new",
                          "ccmsweep: nothing is wrong, nothing was touched"]
    assert (folder / "b.h5").read_bytes() == before
    assert listing(folder) == sorted([*files, "other.yaml"])


def test_stopped(folder, wide):
    """A polite stop leaves the old file as it was."""
    before = (folder / "b.h5").read_bytes()
    with Job(0, "run", "wide.yaml", "-o", "b.h5", "--extend", *QUIET, cwd=folder,
             faults="extend@0=sleep:1000") as job:
        wait_until(lambda: any(folder.glob(NEXT)), "no extension")
        for pid in job.members():
            send(pid, signal.SIGTERM)
        done = job.finish()
    assert done.returncode == 75, done.stderr
    assert "stopped while extending b.h5, which is as it was" in done.stderr
    assert (folder / "b.h5").read_bytes() == before
    assert not list(folder.glob(NEXT)) and not list(folder.glob(NEW))
    assert_complete(wide, folder, extend(folder), "narrow.yaml", "wide.yaml")


def test_damaged(folder, wide):
    """A run whose rows are not those committed is refused, and trained again with --check."""
    with h5py.File(folder / "b.h5", "r+") as file:
        damaged = min(Sweep(file).done())
        file["reward"][damaged, 3] += 1
    done = extend(folder)
    assert done.returncode == 2, done.stderr
    assert f"run {damaged} of b.h5 is damaged: " in done.stderr and "run --check" in done.stderr
    assert Sweep(folder / "b.h5").runs == 4
    done = extend(folder, "--check")
    assert_complete(wide, folder, done, "narrow.yaml", "wide.yaml")


def test_failures_come_along(tmp_path, wide):
    """A quarantined cell stays that under its new number, until it is tried again."""
    needs_faults()
    write(tmp_path, narrow=NARROW, wide=WIDE)
    for _ in range(3):
        sweep(0, "narrow.yaml", "-o", "b.h5", *QUIET, cwd=tmp_path, faults="begin@2=segv")
    done = extend(tmp_path)
    assert done.returncode == 3, done.stderr
    cells = identities(tmp_path / "b.h5")
    (number, outcome), = Sweep(tmp_path / "b.h5").set_aside().items()
    assert outcome == "quarantined" and number not in (2,)
    assert cells[number] == identities(wide)[number]
    with h5py.File(tmp_path / "b.h5") as file:
        assert file["volatile/crashes"][number] == 3
    done = extend(tmp_path, "--retry", "quarantined")
    assert_complete(wide, tmp_path, done, "narrow.yaml", "wide.yaml")


# More episodes


LATE = TINY.format(episodes="{limit}", actors="[0.1, 0.5, 0.001]", seeds="[1, 2]").replace(
    "episodes_after_stop: 40", "episodes_after_stop: 30")


def limited(limit, keep):
    """A sweep of runs that stop before, at and behind several limits, some never."""
    return LATE.replace("{limit}", str(limit)).replace("every_s: 0.02", f"every_s: 0.02, keep: {keep}")


def outcomes(path):
    with h5py.File(path) as file:
        return file["outcome"][:].tolist(), file["total_episodes"][:].tolist()


@pytest.fixture(scope="module")
def longest(tmp_path_factory):
    return alone("longest", limited(600, "none"), tmp_path_factory.mktemp("longest"))


def trained(folder):
    """How many attempts there were at each run, and how many episodes all of them took at least."""
    with h5py.File(folder / "b.h5") as file:
        return file["volatile/attempts"][:].tolist()


@pytest.mark.parametrize("keep, ranks", [("censored", 0), ("censored", 3), ("none", 0)])
def test_more_episodes(keep, ranks, longest, tmp_path):
    """200 become 400 and 600: what ended before its limit is copied, the others go on where they
    were, or begin again; in the end nobody sees it."""
    specs = {f"s{limit}": limited(limit, keep) for limit in (200, 400, 600)}
    write(tmp_path, **specs)
    files = [f"{name}.yaml" for name in specs]
    done = sweep(ranks, "s200.yaml", "-o", "b.h5", *QUIET, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    for limit in (400, 600):
        totals = outcomes(tmp_path / "b.h5")[1]
        by_limit = totals.count(limit - 200)
        assert 0 < by_limit < 6
        kept = [path.name for path in tmp_path.glob("b.h5.ckpt/*")]
        assert len(kept) == (by_limit if keep == "censored" else 0), (kept, totals)
        done = extend(tmp_path, spec=f"s{limit}.yaml", ranks=ranks)
        assert done.returncode == 0, done.stderr
        what = ("to go on behind their old limit" if keep == "censored"
                else "to be trained anew with the larger limit")
        assert said(done)[0] == (f"ccmsweep: extending b.h5 from 6 to 6 cells: {6 - by_limit} finished, "
                                 f"{by_limit} {what}, 0 new")
        assert "beginning again" not in done.stderr
        again = [attempts > 1 for attempts in trained(tmp_path)]
        assert sum(again) == (by_limit if keep == "censored" else 0) or limit == 600
    # Another text of the spec, whose runs are the same in every byte.
    reference = alone("s600", specs["s600"], tmp_path)
    assert_same_results(reference, tmp_path / "b.h5")
    assert not wrong_cells(tmp_path / "b.h5", longest)
    shutil.rmtree(tmp_path / "s600.h5.ckpt", ignore_errors=True)
    left = {path.name for path in tmp_path.glob("b.h5.ckpt/*")}
    assert len(left) == (outcomes(tmp_path / "b.h5")[1].count(600) if keep == "censored" else 0)
    assert all((tmp_path / name).exists() for name in files)


def test_what_is_kept_is_kept_through_an_extension(longest, tmp_path):
    """More cells first and more episodes then: the first step does not lose what the second needs."""
    narrow = limited(200, "censored").replace("seed: [1, 2]", "seed: [2]")
    write(tmp_path, narrow=narrow, wide=limited(200, "censored"), s600=limited(600, "censored"))
    done = sweep(0, "narrow.yaml", "-o", "b.h5", *QUIET, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    by_limit = outcomes(tmp_path / "b.h5")[1].count(200)
    assert by_limit > 0
    done = extend(tmp_path, "--limit-cells", "0")
    assert done.returncode == 0, done.stderr
    assert len(list(tmp_path.glob("b.h5.ckpt/*"))) == by_limit
    done = extend(tmp_path, spec="s600.yaml")
    assert f"{by_limit} to go on behind their old limit, 3 not finished, 0 new" in said(done)[0]
    assert done.returncode == 0 and "beginning again" not in done.stderr, done.stderr
    assert not wrong_cells(tmp_path / "b.h5", longest)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with a sweep whose runs are done and whose last checkpoints are kept."""
    folder = tmp_path_factory.mktemp("kept")
    write(folder, s200=limited(200, "censored"), s600=limited(600, "none"))
    done = run("run", "s200.yaml", "-o", "b.h5", *QUIET, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("step", [0, 1, 2, 3])
def test_killed_with_more_episodes(step, kept, longest, tmp_path):
    """At each step; the command goes on, and no run is trained from the beginning."""
    needs_faults()
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    done = extend(tmp_path, spec="s600.yaml", faults=f"extend@{step}=kill")
    assert done.returncode == -signal.SIGKILL, done.stderr
    limits = {600} if step > 1 else {200}
    with h5py.File(tmp_path / "b.h5") as file:
        assert set(file["extent_episode"][:]) == limits
    done = extend(tmp_path, spec="s600.yaml")
    assert_complete(longest, tmp_path, done, "s200.yaml", "s600.yaml")


def test_kept_before_the_commit(kept, tmp_path):
    """Killed between the last checkpoint and the commit record: nothing is trained again."""
    needs_faults()
    write(tmp_path, s200=limited(200, "censored"))
    number = outcomes(kept / "b.h5")[1].index(200)
    words = ["s200.yaml", "-o", "b.h5", *QUIET]
    done = sweep(0, *words, cwd=tmp_path, faults=f"record@{number}=kill")
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (tmp_path / f"b.h5.ckpt/run-{number:06}.ckpt").exists()
    done = sweep(0, *words, cwd=tmp_path, faults=f"episode@{number}=abort")
    assert done.returncode == 0, done.stderr
    assert_same_results(kept / "b.h5", tmp_path / "b.h5")
    assert listing(tmp_path / "b.h5.ckpt") == listing(kept / "b.h5.ckpt")


def test_a_long_copy_shows_how_far_it_is(kept, tmp_path):
    needs_faults()
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    done = extend(tmp_path, "--limit-cells", "0", "--progress", "bar", spec="s600.yaml",
                  faults="rows=sleep:150")
    assert done.returncode == 0 and re.search(r"copied [2-5] of 6 runs", done.stderr), done.stderr


def test_none_keeps_none(kept, tmp_path):
    """The next start removes what was kept when it is not to be."""
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    count = len(list((tmp_path / "b.h5.ckpt").iterdir()))
    done = sweep(0, "s200.yaml", "-o", "b.h5", *QUIET, "--set", "checkpoint.keep=none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (f"checkpoint.keep is none: the checkpoints of {count} runs that the limit has ended are "
            "removed\n") in done.stderr and count > 1
    assert not (tmp_path / "b.h5.ckpt").exists()


def test_fewer_episodes_are_refused(kept, tmp_path):
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    write(tmp_path, s100=limited(100, "none"))
    done = extend(tmp_path, spec="s100.yaml")
    assert done.returncode == 2
    assert "training.episodes is 200 in the file and 100 in the spec" in done.stderr


def test_plan(kept, tmp_path):
    """How many runs of each kind there are, and what is left of the work."""
    shutil.copytree(kept, tmp_path, dirs_exist_ok=True)
    by_limit = outcomes(tmp_path / "b.h5")[1].count(200)
    write(tmp_path, more=limited(600, "none").replace("[1, 2]", "[1, 2, 3]"))
    words = ["plan", "more.yaml", "b.h5", "--extend"]
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"{6 - by_limit} copied, {by_limit} continued behind their old limit, 3 new" in done.stdout
    assert (f"  6 in b.h5, {6 - by_limit} of them with the larger limit too, {by_limit + 3} left\n"
            ) in done.stdout
    plan = json.loads(run(*words, "--json", cwd=tmp_path).stdout)
    assert plan["extension"] == {"copied": 6 - by_limit, "continued": by_limit, "anew": 0, "open": 0,
                                 "added": 3}
    assert plan["file"] == {"path": "b.h5", "finished": 6 - by_limit, "interrupted": 0,
                            "left": by_limit + 3}
    continued, both = plan["expected"]["left_s"], plan["memory_bytes"]
    shutil.rmtree(tmp_path / "b.h5.ckpt")
    plan = json.loads(run(*words, "--json", cwd=tmp_path).stdout)
    assert plan["extension"]["anew"] == by_limit and plan["extension"]["continued"] == 0
    assert both - plan["memory_bytes"] > 0.8 * plan["checkpoint_bytes"]  # a second trainer
    assert plan["expected"]["left_s"] > continued
    assert plan["expected"]["finished_cells"] == 6
    plain = run("plan", "more.yaml", "b.h5", cwd=tmp_path)
    assert plain.returncode == 2
    assert ("for 6 of the 9 cells of the spec, with fewer training.episodes, and 3 are new: run --extend"
            ) in plain.stderr
    plan = json.loads(run("plan", "s200.yaml", "b.h5", "--extend", "--json", cwd=tmp_path).stdout)
    assert plan["extension"] is None and plan["file"]["finished"] == 6
    assert run("plan", "more.yaml", "--extend", cwd=tmp_path).returncode == 2
