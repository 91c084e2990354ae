# SPDX-License-Identifier: MIT
"""run --reuse with several files: parts of a sweep become one, whoever trained them; cells in which
files differ are told, and --prefer decides."""
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from contents import Sweep, assert_same_results
from damage_case import SPEC, recommit, run
from program import listing
from sweep_case import needs_faults, sweep

QUIET = ["--progress", "none"]
# Other parts of the cells of SPEC; the last has one more.
PARTS = {"a": "seed: [1]", "b": "seed: [2]", "c": "seed: [2, 1]", "d": "seed: [7]"}
WHOLE, HERE = "s.h5", "m.h5"


@pytest.fixture(scope="module", name="parts")
def fixture_parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    (folder / "s.yaml").write_text(SPEC)
    assert run("run", "s.yaml", "-o", WHOLE, *QUIET, cwd=folder).returncode == 0
    for name, seeds in PARTS.items():
        (folder / f"{name}.yaml").write_text(SPEC.replace("seed: [1, 2]", seeds))
        assert run("run", f"{name}.yaml", "-o", f"{name}.h5", *QUIET, cwd=folder).returncode == 0
    return folder


@pytest.fixture(name="folder")
def fixture_folder(parts, tmp_path):
    for path in parts.iterdir():
        if path.suffix in (".h5", ".yaml"):
            shutil.copy(path, tmp_path / path.name)
    return tmp_path


def merge(folder, *names, code=0, prefer=None, more=()):
    words = [word for name in names for word in ("--reuse", name)]
    words += ["--prefer", prefer] if prefer else []
    done = run("run", "s.yaml", "-o", HERE, *QUIET, *words, *more, cwd=folder)
    assert done.returncode == code, done.stderr
    return done.stderr


def change(path, number, name, episode, commit=True):
    """Change a value of a run; with `commit` its record fits again, as if it had been trained so."""
    with h5py.File(path, "r+") as file:
        rows = file[name][number]
        rows[episode - 1] += 1
        file[name][number] = rows
    if commit:
        recommit(path, number)


def note(path, number, **texts):
    with h5py.File(path, "r+") as file:
        for name, text in texts.items():
            file[f"volatile/{name}"][number] = np.bytes_(text)


def test_two_halves_are_the_whole(folder):
    said = merge(folder, "a.h5", "b.h5")
    assert "2 runs copied from a.h5\n" in said and "2 runs copied from b.h5\n" in said
    assert "nothing to do, all 4 cells are done" in said
    assert_same_results(folder / WHOLE, folder / HERE)
    # The files that were read have nothing beside them; again, nothing is left to copy.
    assert not [name for name in listing(folder) if name.startswith(("a.h5.", "b.h5."))]
    said = merge(folder, "a.h5", "d.h5")
    assert ("0 runs copied from a.h5: all 2 that it has of this sweep are done or given up here "
            "already\n") in said
    assert "0 runs copied from d.h5: it has no finished run of this sweep\n" in said
    assert "nothing was changed in m.h5, whose cells were all done\n" in said
    for name in ("host", "wall_s", "end", "attempts"):
        with h5py.File(folder / HERE) as here, h5py.File(folder / "b.h5") as there:
            ours, theirs = (file[f"volatile/{name}"][:] for file in (here, there))
            assert ours[1::2].tolist() == theirs.tolist()


def test_what_no_file_has_is_trained(folder):
    """Files of other sweeps, with cells in common, in another order, and with cells that are not of
    this one."""
    (folder / "s.yaml").write_text(SPEC.replace("[1, 2]", "[1, 2, 7, 9]"))
    said = merge(folder, "c.h5", "a.h5", "d.h5")
    assert "4 runs copied from c.h5\n" in said and "2 runs copied from d.h5\n" in said
    assert "0 runs copied from a.h5" in said
    assert run("run", "s.yaml", "-o", "alone.h5", *QUIET, cwd=folder).returncode == 0
    assert_same_results(folder / "alone.h5", folder / HERE)


def test_files_that_differ_are_refused(folder):
    """Before anything is made. The sentence says what differs, from where on, and whose it is."""
    change(folder / "b.h5", 1, "reward", 38)
    change(folder / "b.h5", 1, "critic_loss", 41)
    note(folder / "b.h5", 1, host="n7", cpu_level="baseline", revision="0123abc")
    note(folder / "c.h5", 2, host="n1", cpu_level="avx2", revision="fedc987")
    before = listing(folder)
    said = merge(folder, "a.h5", "c.h5", "b.h5", code=2)
    assert ("two files differ in the cell actor_lr 0.001, critic_lr 0.01, seed 2: run 2 of c.h5, trained on "
            "host n1, on a CPU of level avx2, by revision fedc987, and run 1 of b.h5, trained on "
            "host n7, on a CPU of level baseline, by revision 0123abc, differ in reward, "
            "critic_loss, first in reward from episode 38 on (their arithmetic differs in the "
            "last bits); ") in said, said
    assert "--prefer FILE decides\n" in said and "Usage" not in said
    assert listing(folder) == before
    # So does --dry-run, and one that is equal by chance of its name is no answer.
    assert said == merge(folder, "a.h5", "c.h5", "b.h5", code=2, more=["--dry-run"])
    assert "two files differ" in merge(folder, "a.h5", "c.h5", "b.h5", code=2, prefer="a.h5")
    assert "--prefer: s.h5 is none of the files" in merge(folder, "a.h5", code=2, prefer="s.h5")
    assert "there is nothing to choose from" in merge(folder, code=2, prefer="a.h5")
    assert listing(folder) == before


def test_all_that_differ_are_counted(folder):
    for number in range(4):
        change(folder / "c.h5", number, "critic_loss", 5)
    said = merge(folder, "c.h5", "a.h5", "b.h5", code=2)
    assert "first in critic_loss from episode 5 on; " in said and "; 3 more cells differ\n" in said
    change(folder / "c.h5", 1, "energy_violation", 6)
    said = merge(folder, "c.h5", "a.h5", code=2)
    assert "differ in energy_violation, critic_loss, first in critic_loss from episode 5 " in said
    assert "; 1 more cell differs\n" in said


@pytest.mark.parametrize("prefer", ["a.h5", "c.h5", "./c.h5"])
def test_one_is_preferred(prefer, folder):
    change(folder / "c.h5", 1, "reward", 7)
    said = merge(folder, "a.h5", "c.h5", prefer=prefer)
    got, wanted = Sweep(folder / HERE), Sweep(folder / Path(prefer).name)
    assert got.rows("reward", 0) == wanted.rows("reward", 1 if "c" in prefer else 0)
    assert (f"{1 if 'a' in prefer else 2} run" not in said) and got.hash(0) == got.done()[0][1]
    assert len(got.done()) == 4
    assert f"the files differ in 1 cell, of which --prefer took that of {Path(prefer).name}\n" in said


def test_the_own_file_is_one_of_them(folder):
    """What is done here is never replaced unasked; --prefer says which one stays."""
    merge(folder, "a.h5", "b.h5")
    change(folder / "c.h5", 0, "reward", 7)
    before = (folder / HERE).read_bytes()
    said = merge(folder, "c.h5", code=2)
    assert "run 1 of m.h5, trained on" in said and "run 0 of c.h5, trained on" in said
    assert (folder / HERE).read_bytes() == before
    said = merge(folder, "c.h5", prefer=HERE)
    assert "the files differ in 1 cell, of which --prefer took that of m.h5\n" in said
    assert "nothing was changed in m.h5, whose cells were all done\n" in said
    assert_same_results(folder / WHOLE, folder / HERE)
    said = merge(folder, "c.h5", prefer="c.h5")
    assert "1 run copied from c.h5, 1 of them in place of others\n" in said
    got, wanted = Sweep(folder / HERE), Sweep(folder / "c.h5")
    assert got.rows("reward", 1) == wanted.rows("reward", 0)
    assert got.hash(1) == got.done()[1][1]
    said = merge(folder, "c.h5", prefer="c.h5")
    assert "0 runs copied from c.h5: " in said
    assert "the files differ in no cell: --prefer decided nothing\n" in said


@pytest.mark.parametrize("instant", ["rows", "record", "commit"])
def test_killed_while_it_replaces(instant, folder):
    """A run that is replaced is the old one, pending, or the new one; the same command ends it."""
    needs_faults()
    merge(folder, "a.h5", "b.h5")
    for number in (0, 2):
        change(folder / "c.h5", number, "reward", 7)
    sources = [(folder / name).read_bytes() for name in ("a.h5", "c.h5")]
    words = ["s.yaml", "-o", HERE, *QUIET, "--reuse", "a.h5", "--reuse", "c.h5", "--prefer", "c.h5"]
    done = sweep(0, *words, cwd=folder, faults=f"{instant}@3=kill")
    assert done.returncode == -9, done.stderr
    assert sorted(Sweep(folder / HERE).done()) == ([0, 1, 2, 3] if instant == "commit" else [0, 1, 2])
    assert run("verify", HERE, cwd=folder).returncode == 0
    done = sweep(0, *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    got, wanted = Sweep(folder / HERE), Sweep(folder / "c.h5")
    assert len(got.done()) == 4 and run("verify", HERE, cwd=folder).returncode == 0
    assert got.rows("reward", 1) == wanted.rows("reward", 0)
    assert got.rows("reward", 3) == wanted.rows("reward", 2)
    assert [(folder / name).read_bytes() for name in ("a.h5", "c.h5")] == sources


def test_a_damaged_run_is_taken_from_another_file(folder):
    """Rows that are not those of their commit record differ from nothing: they do not count."""
    change(folder / "a.h5", 0, "reward", 3, commit=False)
    for names in ("a.h5", "c.h5"), ("c.h5", "a.h5"):  # whichever is read first
        said = merge(folder, *names)
        assert ("run 0 of a.h5 is damaged: its rows are not those that were committed; it is not "
                "copied\n") in said and said.count("damaged") == 1
        assert_same_results(folder / WHOLE, folder / HERE)
        (folder / HERE).unlink()
    # Also where the records differ, whichever is preferred.
    for prefer in (None, "a.h5", "b.h5"):
        change(folder / "b.h5", 0, "reward", 3)
        change(folder / "b.h5", 0, "reward", 4, commit=False)
        (folder / HERE).unlink(missing_ok=True)
        said = merge(folder, "b.h5", "a.h5", "c.h5", prefer=prefer)
        assert said.count("run 0 of b.h5 is damaged: ") == 1
        assert_same_results(folder / WHOLE, folder / HERE)


def test_own_damage_is_replaced(folder):
    merge(folder, "a.h5", "b.h5")
    change(folder / HERE, 2, "reward", 5, commit=False)
    said = merge(folder, "c.h5")
    assert "run 2 of m.h5 is damaged: " in said and "1 of them in place of others" in said
    assert_same_results(folder / WHOLE, folder / HERE)
    # Also by one that differs from what was here.
    change(folder / HERE, 2, "reward", 5, commit=False)
    change(folder / "c.h5", 3, "reward", 5)
    assert "run 2 of m.h5 is damaged: " in merge(folder, "c.h5")
    assert Sweep(folder / HERE).rows("reward", 2) == Sweep(folder / "c.h5").rows("reward", 3)
    # Not when no other file has it.
    change(folder / HERE, 2, "reward", 6, commit=False)
    assert "damaged" not in merge(folder, "b.h5")


def test_a_long_merge_shows_how_far_it_is(folder):
    needs_faults()
    done = sweep(0, "s.yaml", "-o", HERE, "--progress", "bar", "--reuse", "a.h5", "--reuse", "b.h5",
                 cwd=folder, faults="record=sleep:150")
    assert done.returncode == 0 and "looked at 3 of 4 runs" in done.stderr, done.stderr


def test_files_that_cannot_be_read(folder):
    (folder / "x").write_text("x")
    for words, sentence in ((("a.h5", "x"), "--reuse: x is not an HDF5 file"),
                            (("a.h5", "none.h5"), "--reuse: "),
                            (("a.h5", HERE), "--reuse: cannot open m.h5: ")):
        assert sentence in merge(folder, *words, code=2)
        assert HERE not in listing(folder) and f"{HERE}.lock" not in listing(folder)
