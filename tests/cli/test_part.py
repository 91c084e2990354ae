# SPDX-License-Identifier: MIT
"""run --only and --limit-cells: a part of the cells is trained, the others stay as they are; what
the sweep and `status` say of it is true."""
import json

import pytest
from contents import Sweep, assert_same_results, wrong_runs
from local_case import QUIET, folder as fixture_local_folder, local
from program import listing, run
from sweep_case import needs_faults, said, sweep

__all__ = ["fixture_local_folder"]

SPEC = """\
training: {batch: 8, episodes: 60, episodes_after_stop: 600}
environment: {agents: 3}
networks: {critic_hidden1: 32, critic_hidden2: 16}
tracking: {log_every: 5, snapshot_every: 30}
grid:
  actor_lr: [0.1, 0.001]
  critic_lr: [0.01]
  seed: [1, 2, 3, 4]
  exclude: [{actor_lr: 0.1, seed: 4}]
"""
RUN = ["s.yaml", "-o", "b.h5", *QUIET]


@pytest.fixture(scope="module", name="whole")
def fixture_whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole")
    (path / "s.yaml").write_text(SPEC)
    assert run("run", "s.yaml", "-o", "whole.h5", *QUIET, cwd=path).returncode == 0
    return path / "whole.h5"


@pytest.fixture(name="folder")
def fixture_folder(tmp_path):
    (tmp_path / "s.yaml").write_text(SPEC)
    return tmp_path


def part(folder, *words, code=0, ranks=0, **options):
    done = sweep(ranks, *RUN, *words, cwd=folder, **options)
    assert done.returncode == code, done.stderr
    return done.stderr


def done_in(folder):
    seen = run("verify", "b.h5", cwd=folder)
    assert seen.returncode == 0, seen.stdout
    return sorted(Sweep(folder / "b.h5").done())


def status(folder, *words):
    return run("status", "b.h5", *words, cwd=folder).stdout


@pytest.mark.parametrize("ranks", [0, 3])
def test_a_part_and_then_the_rest(ranks, whole, folder):
    words = part(folder, "--only", "seed=2", "--only", "seed=3,actor_lr=0.001", ranks=ranks)
    assert ("b.h5: the part of --only is done: 2 of 7 cells done, 5 wait for a start without --only\n"
            ) in words
    assert done_in(folder) == [4, 5]
    assert not wrong_runs(folder / "b.h5", whole)
    shown = status(folder)
    assert "cells     7: 2 done, 0 running, 5 pending\n" in shown
    assert "with code 0, the part that was asked for is done\n" in shown
    again = part(folder, "--only", "seed=3,seed=2,actor_lr=1e-3", ranks=ranks)
    assert "b.h5: nothing to do, the part of" in again and done_in(folder) == [4, 5]
    assert "all 7 cells are done" in part(folder, ranks=ranks)
    assert "with code 0, complete\n" in status(folder)
    assert_same_results(whole, folder / "b.h5")
    # A part of what is complete is complete.
    assert "b.h5: nothing to do, all 7 cells are done" in part(folder, "--only", "seed=1")


def test_so_many_cells(whole, folder):
    """Those of earlier starts are counted: the same command ends in the same part."""
    for _ in range(2):
        part(folder, "--limit-cells", "3", "--order", "plan")
        assert done_in(folder) == [0, 1, 2]
    assert ("the part of --limit-cells is done: 3 of 7 cells done, 4 wait for a start without "
            "--limit-cells\n") in part(folder, "--limit-cells", "2")
    words = part(folder, "--limit-cells", "2", "--only", "actor_lr=0.001", "--order", "plan")
    assert ("the part of --only and --limit-cells is done: 5 of 7 cells done, 2 wait for a start without "
            "--only and --limit-cells\n") in words
    assert done_in(folder) == [0, 1, 2, 3, 4]
    part(folder, "--limit-cells", "9", "--only", "actor_lr=0.001")
    assert_same_results(whole, folder / "b.h5")


def test_nothing_but_a_copy(whole, folder):
    (folder / "a.yaml").write_text(SPEC.replace("[0.1, 0.001]\n", "[0.001]\n").partition("  exclude")[0])
    assert run("run", "a.yaml", "-o", "a.h5", *QUIET, cwd=folder).returncode == 0
    words = part(folder, "--reuse", "a.h5", "--limit-cells", "0", "--only", "seed=1")
    assert "4 runs copied from a.h5\n" in words and "b.h5: nothing to do, the part" in words
    assert done_in(folder) == [3, 4, 5, 6] and not wrong_runs(folder / "b.h5", whole)


def test_a_part_that_is_killed(whole, folder):
    """The cells that were begun are those that are resumed, and not more are trained in the end."""
    needs_faults()
    words = ["--limit-cells", "2", "--order", "random", "--set", "checkpoint.every_s=0.001"]
    part(folder, *words, code=-9, faults="rows=kill")
    begun = [int(path.stem[4:]) for path in (folder / "b.h5.ckpt").glob("*.ckpt")]
    assert len(begun) == 1 and not done_in(folder)
    part(folder, *words)
    assert len(done_in(folder)) == 2
    assert begun[0] in done_in(folder)
    assert not wrong_runs(folder / "b.h5", whole) and listing(folder) == ["b.h5", "b.h5.lock",
                                                                          "s.yaml"]


def test_cells_that_fail_and_are_retried(whole, folder):
    needs_faults()
    codes = []
    while 3 not in codes:
        codes.append(sweep(0, *RUN, "--only", "seed=2", cwd=folder,
                           faults="begin@1=segv,begin@4=segv").returncode)
    assert codes == 6 * [-11] + [3]
    assert Sweep(folder / "b.h5").set_aside() == {1: "quarantined", 4: "quarantined"}
    retry = ["--retry", "quarantined", "--only", "actor_lr=0.1,seed=2"]
    words = part(folder, *retry)
    assert "1 cell to be tried again\n" in words
    # Of this part nothing failed.
    assert "the part of --only is done: 2 of 7 cells done, 5 wait" in words
    assert Sweep(folder / "b.h5").set_aside() == {4: "quarantined"}
    words = part(folder, "--only", "seed=2", code=3)
    assert ("the part of --only is done, but 1 cell of it failed or is quarantined: see ccmsweep "
            "status: ") in words
    part(folder, "--retry", "quarantined")
    assert_same_results(whole, folder / "b.h5")


def test_stopped_in_its_part(folder):
    done = sweep(0, *RUN, "--only", "seed=1", "--stop-before", "+0.1s", cwd=folder)
    assert done.returncode == 75 and "nothing was begun: " in said(done)[-1]


@pytest.mark.parametrize("words, sentence", [
    (["--only", "seed=7"], "--only: no cell of s.yaml has seed=7, expected one of 1, 2, 3, 4"),
    (["--only", "seed=1,seed=7"], "--only: no cell of s.yaml has seed=7, expected one of"),
    (["--only", "sed=1"], "--only: 'sed' is not a setting, expected one such as training.seed; the "
                          "axes are actor_lr, critic_lr, seed"),
    (["--only", "seed"], "--only: 'seed' has no '=', expected KEY=VALUE"),
    (["--only", "seed=1,"], "--only: '' has no '='"),
    (["--only", "seed=x"], "--only: training.seed: 'x'"),
    (["--only", "gamma=0.5"], "--only: no cell of s.yaml has gamma=0.5, expected 0.99"),
    (["--only", "label=a"], "--only: no cell of s.yaml has label=a, as none has a label"),
    (["--only", "seed=4", "--only", "actor_lr=0.1"], "no cell of s.yaml has all of these values"),
    (["--limit-cells", "-1"], "--limit-cells: '-1' is not a count"),
])
def test_refused(words, sentence, folder):
    assert sentence in part(folder, *words, code=2)
    assert listing(folder) == ["s.yaml"]


def test_dry_run(folder):
    assert part(folder, "--only", "seed=2", "--dry-run") == (
        "ccmsweep: nothing is wrong, nothing was touched; 2 of 7 cells are chosen\n")
    assert listing(folder) == ["s.yaml"]


def test_by_label(folder):
    (folder / "s.yaml").write_text("training: {batch: 8, episodes: 5}\nenvironment: {agents: 2}\n"
                                   "grid:\n  - {label: a, seed: [1, 2]}\n"
                                   "  - {label: b, training.gamma: [0.9], seed: [1, 2]}\n")
    part(folder, "--only", "label=b")
    assert done_in(folder) == [2, 3]
    assert ("no cell of s.yaml has label=c, expected one of a, b"
            in part(folder, "--only", "label=c", code=2))
    assert "; the axes are label, actor_lr, critic_lr, seed, training.gamma" in part(
        folder, "--only", "titles=b", code=2)


def test_a_script_takes_a_part_for_an_end(folder):
    done = local("s.yaml", "-o", "b.h5", *QUIET, "--only", "seed=2", cwd=folder)
    assert done.returncode == 0 and "counts as code 1" not in done.stderr, done.stderr
    assert json.loads(status(folder, "--json"))["states"]["done"] == 2
    assert local("s.yaml", "-o", "b.h5", *QUIET, cwd=folder).returncode == 0
    assert done_in(folder) == list(range(7))
