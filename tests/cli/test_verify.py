# SPDX-License-Identifier: MIT
"""verify: it finds each change that another program makes in a file, names all of them, and finds
nothing in a file that only this program has written, whatever happened to its sweep."""
import fcntl
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import time

import h5py
import numpy as np
import pytest
from contents import datasets, record_fields
from damage_case import (CHANGED, CHANGES, NOT_COMMITTED, RUNS, SPEC, damage, fixture_finished,
                         fixture_path, flip, recommit, replace, run)
from program import PROGRAM
from sweep_case import Job, needs_faults, sweep

__all__ = ["fixture_finished", "fixture_path"]

QUIET = ["--progress", "none"]
# Cells that have less of everything than the file.
MIXED = """\
training: {batch: 8}
networks: {critic_hidden1: 32, critic_hidden2: 16}
tracking: {snapshot_every: 30}
evaluation: {every: 20, episodes: 2}
grid:
  training.episodes: [60, 20]
  environment.agents: [5, 3]
  tracking.log_every: [5, 10]
"""


def verify(path, code, *words):
    """What it finds; also that both forms say the same and that nothing is written."""
    before = path.read_bytes()
    done = run("verify", path.name, "--json", *words, cwd=path.parent)
    assert done.returncode == code, done.stdout + done.stderr
    seen = json.loads(done.stdout)
    plain = run("verify", path.name, *words, cwd=path.parent)
    lines = plain.stdout.splitlines()
    assert lines[:-1] == [one["text"] for one in seen["findings"]] and plain.returncode == code
    count = len(seen["findings"])
    said = f"{count} finding{'s' * (count != 1)}"
    assert lines[-1].startswith(f"{path.name}: ")
    assert lines[-1].endswith(": " + (said if count else "nothing is wrong"))
    assert plain.stderr == (f"ccmsweep: {path.name} is not as it was written: {said}\n" if count
                            else "")
    assert path.read_bytes() == before
    return seen


def found(path, *words):
    return [(one["run"], one["dataset"]) for one in verify(path, 3, *words)["findings"]]


def texts(path):
    return [one["text"] for one in verify(path, 3)["findings"]]


# ---- nothing is wrong ----

def test_a_file_that_is_in_order(path):
    seen = verify(path, 0)
    size = seen.pop("compared_bytes")
    assert size == 4 * sum(-(-len(rows) // 8) * 8 for rows in rows_of(path, 0).values())
    assert seen == {"schema_version": 1, "file": "s.h5", "locked": False, "holder": None,
                    "readable": True, "runs": 4, "finished": 4, "commit_records": 4,
                    "compared_runs": 4, "retrained": None, "findings": []}
    assert run("verify", "s.h5", cwd=path.parent).stdout == (
        "s.h5: 4 runs, 4 finished; compared: settings, columns, notes, 4 commit records and the "
        f"rows of 4 finished runs ({size / 1e6:.3g} MB): nothing is wrong\n")


def rows_of(path, number):
    with h5py.File(path) as file:
        return {name: file[name][number].tobytes() for name in record_fields() if name in file}


def test_an_unfinished_sweep(tmp_path):
    """Killed inside a commit, then stopped, then done; and at each moment that it is read."""
    needs_faults()
    (tmp_path / "s.yaml").write_text(SPEC)
    for faults in "rows@0=kill", "record@1=kill", "commit@2=kill":
        sweep(0, "s.yaml", "-o", "s.h5", "--order", "plan", *QUIET, cwd=tmp_path, faults=faults)
        seen = verify(tmp_path / "s.h5", 0)
        assert seen["runs"] == 4 and seen["finished"] == seen["commit_records"]
    assert seen["finished"] == 3
    assert "3 finished; " in run("verify", "s.h5", cwd=tmp_path).stdout


def test_a_part_beside_a_run_that_was_killed(tmp_path):
    """Inside its commit; the start of the part takes its outcome back, and trains others."""
    needs_faults()
    (tmp_path / "s.yaml").write_text(SPEC)
    sweep(0, "s.yaml", "-o", "s.h5", *QUIET, cwd=tmp_path, faults="rows@3=kill")
    with h5py.File(tmp_path / "s.h5") as file:
        assert file["outcome"][3] != 0
    done = run("run", "s.yaml", "-o", "s.h5", "--only", "seed=1", *QUIET, cwd=tmp_path)
    assert done.returncode == 0
    with h5py.File(tmp_path / "s.h5") as file:
        assert file["outcome"][3] == 0
    assert verify(tmp_path / "s.h5", 0)["finished"] == 2


def test_a_sweep_at_work(tmp_path):
    (tmp_path / "s.yaml").write_text(SPEC.replace("[1, 2]", "1-20"))
    path = tmp_path / "s.h5"
    with subprocess.Popen([PROGRAM, "run", "s.yaml", "-o", "s.h5", *QUIET], cwd=tmp_path,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not path.exists():
            time.sleep(0.01)
        seen, looks = set(), 0
        while process.poll() is None:
            done = run("verify", "s.h5", "--json", cwd=tmp_path)
            assert done.returncode == 0, done.stdout + done.stderr
            seen.add(json.loads(done.stdout)["finished"])
            looks += 1
    assert len(seen) > 3 and looks > 3 and verify(path, 0)["finished"] == 40


def test_a_file_that_another_process_holds(path):
    with open(f"{path}.lock", "a+", encoding="utf-8") as lock:
        fcntl.fcntl(lock, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0))  # F_OFD_SETLK
        assert verify(path, 0)["locked"]
        assert "finished, a process is at work; " in run("verify", "s.h5", cwd=path.parent).stdout
        # What it may just be doing is no finding.
        with h5py.File(path, "r+") as file:
            file["commit"][2] = 0
        assert verify(path, 0)["finished"] == 3


def test_cells_of_several_extents(tmp_path):
    (tmp_path / "s.yaml").write_text(MIXED)
    assert run("run", "s.yaml", "-o", "s.h5", *QUIET, cwd=tmp_path).returncode == 0
    path = tmp_path / "s.h5"
    verify(path, 0)
    with h5py.File(path, "r+") as file:
        short = [number for number in range(8) if file["extent_episode"][number] == 20
                 and file["extent_actor"][number] == 3 and file["extent_log"][number] == 2][0]
        for name, place in (("reward", 20), ("reward", 59), ("first_still", 4),
                            ("actor_update", (1, 3)), ("actor_update", (5, 0)),
                            ("evaluation_reward", 2), ("actor_layer_grad_own", (0, 4, 2)),
                            ("preactivation_histogram", (1, 0, 0))):
            place = (short, *(place if isinstance(place, tuple) else (place,)))
            before = file[name][place]
            file[name][place] = 3
            file.flush()
            assert found(path) == [(short, name)], (name, place)
            file[name][place] = before
            file.flush()
    verify(path, 0)


def test_the_file_of_a_training(tmp_path):
    assert run("train", "-o", "t.h5", "--set", "training.episodes=12", *QUIET,
               cwd=tmp_path).returncode == 0
    assert verify(tmp_path / "t.h5", 0)["finished"] == 1


# ---- changes ----

def test_each_byte_counts(path):
    """One bit of a byte of a run in every dataset; and of the others somewhere."""
    draw = random.Random(7)
    content = path.read_bytes()
    with h5py.File(path) as file:
        places = {name: (item.id.get_offset(), item.shape, item.dtype.itemsize)
                  for name, item in datasets(file).items()
                  if name not in ("spec", "settings") and not name.startswith("volatile/")}
    planted = 0
    for name, (start, shape, size) in places.items():
        for of_run in (range(4) if name in ("reward", "commit", "identity") else
                       [draw.randrange(4)]):
            row = int(np.prod(shape[1:])) * size
            at = draw.randrange(row) if row > size else draw.randrange(size)
            if name == "bin":
                at = at // 8 * 8 + 6  # bits that a C library may round are not looked at
            number = of_run if shape[0] == 4 else draw.randrange(shape[0])
            changed = bytearray(content)
            changed[start + number * row + at] ^= 1 << draw.randrange(8)
            path.write_bytes(changed)
            done = run("verify", "s.h5", "--json", cwd=path.parent)
            assert done.returncode == 3, (name, number, at)
            finding, *others = json.loads(done.stdout)["findings"]
            assert not others, (name, finding, others)
            of_runs = name in record_fields() or shape[0] == 4 and name not in (
                "run", "actor", "action", "evaluation")
            assert finding["run"] == (number if of_runs else None), (name, finding)
            if name not in record_fields():
                assert finding["dataset"] == name
            planted += 1
    assert planted > 80
    path.write_bytes(content)
    verify(path, 0)


def copy_run(file, one, other, names):
    for name in names:
        rows = file[name][...]
        rows[[one, other]] = rows[[other, one]]
        file[name][...] = rows


def test_rows_that_were_swapped(path):
    """Those of a dataset; of all of them; and with their commit records."""
    with h5py.File(path) as file:
        fields = [name for name in record_fields() if name in file]
    committed = [(1, ""), (2, "")]
    for names, expected in (
            (["reward"], committed), (["reward", "cause"], committed), (fields, committed),
            ([*fields, "commit"], [(1, "commit"), (2, "commit")]),
            ([*fields, "identity"], [(1, "identity"), (2, "identity")])):
        with h5py.File(path, "r+") as file:
            copy_run(file, 1, 2, names)
        assert [(number, name or "") for number, name in found(path)] == expected, names
        with h5py.File(path, "r+") as file:
            copy_run(file, 1, 2, names)
    verify(path, 0)


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_was_changed(change, path, monkeypatch):
    """As the other commands say it."""
    monkeypatch.chdir(path.parent)
    make, words = CHANGES[change]
    if change == "a link to a FIFO":
        os.mkfifo("fifo")
    with h5py.File(path, "r+") as file:
        make(file)
    assert any(words in text for text in texts(path))


@pytest.mark.parametrize("case", RUNS)
def test_a_value_that_no_training_leaves(case, path):
    words = damage(path, case)
    finding, = verify(path, 3)["findings"]
    assert finding["run"] == 1 and finding["text"] == f"run 1 of s.h5 is damaged: {words}"


def test_all_is_found_and_not_only_the_first(path):
    with h5py.File(path, "r+") as file:
        file["actor_lr"][:2] = 0.3
        file["seed"][3] = 9
        file["extent_log"][0] = 2
        file["identity"][2, 5] ^= 1
        file["volatile/flight"][1] = 99
        file["volatile/start_log_ranks"][7] = -5
        CHANGED["reward"](file, 0)
        CHANGED["a cause"](file, 3)
        record = file["commit"][1]
        record[30] ^= 1
        file["commit"][1] = record
    with path.open("ab") as file:
        file.write(b"more")
    seen = texts(path)
    for words in ("training.actor_lr of run 0 is 0.1 in its settings and 0.3 in its column",
                  "training.actor_lr of run 1 is 0.1 in its settings and 0.3 in its column",
                  "training.seed of run 3 is 2 in its settings and 9 in its column",
                  "extent_log of run 0 is 12 in its settings and 2 in its column",
                  "the settings of run 2 (", "4 bytes behind its end",
                  "/volatile/flight of run 1 is nothing that this program writes",
                  "/volatile/start_log_ranks of start 7 is nothing",
                  f"run 0 of s.h5 is damaged: {NOT_COMMITTED}",
                  f"run 3 of s.h5 is damaged: {NOT_COMMITTED}",
                  "the commit record of run 1 of s.h5 is torn, or was changed"):
        assert len([text for text in seen if words in text]) == 1, words
    assert len(seen) == 11


def test_datasets_that_are_gone(path):
    """The others are looked at all the same."""
    with h5py.File(path, "r+") as file:
        del file["reward"], file["volatile/host"]
        replace(file, "outcome", dtype="<f8")
        file["seed"][3] = 9
    assert set(found(path)) == {(None, "reward"), (None, "volatile/host"), (None, "outcome"),
                                (3, "seed")}
    assert "s.h5: its runs cannot be read: 4 findings" in run("verify", "s.h5",
                                                              cwd=path.parent).stdout


def test_commit_records(path):
    version = bytearray(h5py.File(path)["commit"][1].tobytes())
    with h5py.File(path, "r+") as file:
        file["commit"][0] = file["commit"][3]
        version[12] ^= 1
        file["commit"][1] = np.frombuffer(version, np.uint8)
        file["commit"][2] = 0
    recommit(path, 1)
    none, other, of = texts(path)
    assert "commit record of run 0 of s.h5 is that of run 3" in none
    assert "commit record of run 1 of s.h5 is of version " in other
    assert "run 2 of s.h5 has an outcome and no commit record, although the last start" in of


@pytest.mark.parametrize("code, words", [(0, 1), (3, 0), (75, 0)])
def test_a_record_that_was_emptied(code, words, path):
    """Others leave what another start is to train, also where an older program has run them."""
    with h5py.File(path, "r+") as file:
        file["volatile/start_log_status"][0] = code
        file["commit"][1] = 0
    seen = verify(path, 3 if words else 0)["findings"]
    assert [one["run"] for one in seen] == [1] * words


def test_names_of_others(path):
    """Whatever they are names of; those of a group beyond some are counted."""
    with h5py.File(path, "r+") as file:
        file["notes"] = 3
        file["volatile/more\033[31m"] = h5py.SoftLink("/reward")
        file["again"] = file["reward"]
        file.create_group("x" * 300)
    seen = texts(path)
    assert len(seen) == 4
    for words in ("it has 'notes' in /, which", "it has 'more?[31m' in /volatile/, which",
                  "it has 'again' in /, which", "it has 'xxxx"):
        assert len([text for text in seen if words in text]) == 1, seen
    with h5py.File(path, "r+") as file:
        for number in range(20):
            file[f"volatile/{number}"] = h5py.ExternalLink("other.h5", "/")
    seen = texts(path)
    assert len(seen) == 3 + 8 + 1
    assert "/volatile/ has 13 more names that this program does not write" in "".join(seen)


def write_words(dataset, words):
    """As the program writes a text."""
    dataset.attrs.create("flag_meanings", words.encode(),
                         dtype=h5py.string_dtype("utf-8", max(1, len(words))))


@pytest.mark.parametrize("name", ["outcome", "cause"])
def test_words_for_numbers(name, path):
    """Those of a program that knew fewer are in order."""
    with h5py.File(path, "r+") as file:
        words = file[name].attrs["flag_meanings"]
        words = words.decode() if isinstance(words, bytes) else words
        write_words(file[name], words.rsplit(" ", 1)[0])
    verify(path, 0)
    for changed in (" ".join(reversed(words.split())), words[:-1], "", None):
        with h5py.File(path, "r+") as file:
            del file[name].attrs["flag_meanings"]
            if changed is not None:
                write_words(file[name], changed)
        text, = texts(path)
        assert f"flag_meanings of {name} are not '{words}'" in text


def test_the_log_of_starts(path):
    """Numbers that are left out, and a start that found more than there is."""
    for name, row, value, words in (
            ("number", 1, 4, ["the numbers of starts in the log do not follow each other, in 3 of its "
                              "rows, first in row 1"]),
            ("done", 0, 99, ["start 1 found 99 of 4 runs done"])):
        with h5py.File(path, "r+") as file:
            before = file[f"volatile/start_log_{name}"][row]
            file[f"volatile/start_log_{name}"][row] = value
        assert texts(path) == [f"s.h5 was changed by another program: {text}" for text in words]
        with h5py.File(path, "r+") as file:
            file[f"volatile/start_log_{name}"][row] = before
    with h5py.File(path, "r+") as file:
        # A ring of which the oldest rows were overwritten.
        file["volatile/start_log_number"][:] = [*range(257, 260), *range(4, 257)]
    verify(path, 0)


@pytest.mark.parametrize("size", [0, 7, 60, 3000, -4096, -1])
def test_a_file_cut_short(size, path):
    path.write_bytes(path.read_bytes()[:size])
    seen = verify(path, 3)
    assert not seen["readable"] and seen["runs"] is None and len(seen["findings"]) == 1


@pytest.mark.skipif(shutil.which("h5repack") is None, reason="needs h5repack")
def test_a_file_written_anew(path):
    """Its rows are compared all the same."""
    path.rename(path.parent / "old.h5")
    subprocess.run(["h5repack", "-f", "GZIP=4", "old.h5", "s.h5"], cwd=path.parent, check=True,
                   capture_output=True, timeout=60)
    seen = verify(path, 3)
    assert seen["compared_runs"] == 4 and "has rewritten the file" in seen["findings"][0]["text"]
    assert len(seen["findings"]) == 1
    with h5py.File(path, "r+") as file:
        CHANGED["an event"](file, 2)
    assert (2, None) in found(path)


# ---- trained again ----

def retrained(path, code, *words, ranks=0, **variables):
    """What verify --retrain says on both streams."""
    before = path.read_bytes()
    with Job(ranks, "verify", "s.h5", "--json", "--retrain", *words, cwd=path.parent,
             extra=variables) as job:
        done = job.finish()
    assert done.returncode == code, done.stderr
    assert path.read_bytes() == before
    return json.loads(done.stdout), done.stderr


@pytest.mark.parametrize("ranks", [0, 1, 3])
def test_all_runs_are_equal(ranks, path):
    seen, said = retrained(path, 0, "all", ranks=ranks)
    assert seen["retrained"] == {"runs": [0, 1, 2, 3], "draw_seed": None, "compared": 4}
    assert "ccmsweep: all 4 finished runs are trained again\n" in said
    for number in range(4):
        assert f"ccmsweep: run {number}: equal in all bytes (" in said
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["s.h5", "s.yaml"]


@pytest.mark.parametrize("ranks", [0, 3])
def test_another_algorithm(ranks, path):
    """What was found is said all the same."""
    with h5py.File(path, "r+") as file:
        version = file.attrs["algorithm_version"]
        file.attrs.modify("algorithm_version", np.int32(version - 1))
        file["volatile/attempts"][1] = -1
    with Job(ranks, "verify", "s.h5", "--json", "--retrain", "1", cwd=path.parent) as job:
        done = job.finish()
    assert done.returncode == 3 and "whose results differ" in done.stderr
    assert len(json.loads(done.stdout)["findings"]) > 1


@pytest.mark.parametrize("ranks", [1, 3])
def test_the_last_run_alone(ranks, path):
    """Its number is larger than the number of runs that are trained again."""
    seed = next(seed for seed in range(99) if random.Random(seed).sample(range(4), 1) == [3])
    seen, said = retrained(path, 0, "1", "--draw-seed", str(seed), ranks=ranks)
    assert seen["retrained"] == {"runs": [3], "draw_seed": seed, "compared": 1}
    assert "ccmsweep: run 3: equal in all bytes (" in said


def test_the_draw(path):
    """That of Python, from the runs that have finished."""
    with h5py.File(path, "r+") as file:
        file["commit"][1] = 0
        file["volatile/start_log_status"][0] = 75
    drawn = {}
    for seed in 1, 2, 3, 4:
        seen, said = retrained(path, 0, "2", *(["--draw-seed", str(seed)] if seed > 1 else []))
        drawn[seed] = seen["retrained"]["runs"]
        assert drawn[seed] == sorted(random.Random(seed).sample([0, 2, 3], 2))
        assert (f"2 of 3 finished runs are trained again, drawn with --draw-seed {seed}: "
                f"{', '.join(map(str, drawn[seed]))}\n") in said
        assert seen["retrained"]["draw_seed"] == seed
    assert len(set(map(tuple, drawn.values()))) > 1
    assert retrained(path, 0, "9")[0]["retrained"]["runs"] == [0, 2, 3]
    done = run("verify", "s.h5", "--retrain", "2", cwd=path.parent)
    assert ", 2 of 2 runs trained again: nothing is wrong\n" in done.stdout


@pytest.mark.parametrize("ranks", [0, 3])
def test_where_a_run_differs(ranks, path):
    """With commit records that vouch for it: the first episode of all datasets."""
    with h5py.File(path, "r+") as file:
        flip(file, "reward", (1, 30))
        flip(file, "critic_loss", (1, 16))
        flip(file, "tanh_slope_mean", (1, 3, 2))  # episode 20
        file["evaluation_reward"][2, 1] += 1      # episode 40
        file["gradient_zero_first"][3, 1] = 59
    for number in 1, 2, 3:
        recommit(path, number)
    seen, said = retrained(path, 3, "all", ranks=ranks)
    assert seen["retrained"]["compared"] == 4
    places = sorted((one["run"], one["dataset"], one["episode"]) for one in seen["findings"])
    assert places == [(1, "critic_loss", 17), (2, "evaluation_reward", 40),
                      (3, "gradient_zero_first", None)]
    one, = [one["text"] for one in seen["findings"] if one["run"] == 1]
    with h5py.File(path) as file:
        level = file["volatile/cpu_level"][1].decode()
        revision = file["volatile/revision"][1].decode()
    assert one == ("run 1 of s.h5 is not what this program computes: critic_loss differs first "
                   f"from episode 17 on, and 2 more datasets; trained by revision {revision} on a "
                   f"CPU of level {level}, again by {revision} on {level}")
    assert one in said and "run 0: equal" in said


def test_a_damaged_run_is_trained_again_too(path):
    """The checksum says which run, and the training where in it."""
    with h5py.File(path, "r+") as file:
        flip(file, "n_selected", (2, 40))
    seen, _ = retrained(path, 3, "all")
    assert [(one["run"], one["dataset"], one["episode"]) for one in seen["findings"]] == [
        (2, None, None), (2, "n_selected", 41)]


def test_another_arithmetic(path):
    """Levels are named, and what a difference between them proves."""
    with h5py.File(path) as file:
        level = file["volatile/cpu_level"][0].decode()
    if level == "baseline":
        pytest.skip("this CPU has one level")
    seen, _ = retrained(path, 3, "1", CCMSWEEP_LEVEL="baseline")
    text = seen["findings"][0]["text"]
    assert f"on a CPU of level {level}, again by " in text and " on baseline: their arith" in text


def test_runs_that_are_not_trained_again(path):
    """Those that were set aside, and those whose settings are others: nothing is left."""
    with h5py.File(path, "r+") as file:
        file["identity"][2, 5] ^= 1
        file["outcome"][:2] = 5
    for number in 0, 1:
        recommit(path, number)
    seen, _ = retrained(path, 3, "all")
    assert seen["retrained"]["runs"] == [3] and seen["retrained"]["compared"] == 1


@pytest.mark.parametrize("ranks", [0, 3])
def test_a_signal_ends_it(ranks, path):
    (path.parent / "l.yaml").write_text(SPEC.replace("batch: 8", "batch: 512"))
    path.unlink()
    assert run("run", "l.yaml", "-o", "s.h5", *QUIET, cwd=path.parent).returncode == 0
    with Job(ranks, "verify", "s.h5", "--retrain", "all", cwd=path.parent) as job:
        while "are trained again" not in job.process.stderr.readline():
            pass
        os.kill(job.launcher(), signal.SIGUSR1)
        done = job.finish()
    assert done.returncode == 75, done.stderr
    assert "s.h5: stopped by a signal when " in done.stderr
    assert " of 4 runs trained again: nothing is wrong" in done.stdout


@pytest.mark.parametrize("words, said", [
    (["--retrain", "0"], "--retrain: '0' is not a number of runs, expected one from 1, or all"),
    (["--retrain", "some"], "--retrain: 'some' is not a number"),
    (["--draw-seed", "2"], "--draw-seed: nothing is drawn, expected --retrain N"),
    (["--retrain", "all", "--draw-seed", "2"], "--draw-seed: nothing is drawn"),
    (["--retrain", "1", "--draw-seed", "-1"], "--draw-seed: ")])
def test_wrong_options(words, said, path):
    done = run("verify", "s.h5", *words, cwd=path.parent)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr


def test_a_file_that_cannot_be_read_is_not_trained_again(path):
    path.write_bytes(path.read_bytes()[:-1])
    for ranks in 0, 3:
        seen, _ = retrained(path, 3, "all", ranks=ranks)
        assert seen["retrained"] is None and not seen["readable"]


# ---- what is no file of a sweep ----

@pytest.mark.parametrize("words, said", [
    (["absent.h5"], "cannot open absent.h5: No such file or directory"), (["."], "Is a directory"),
    (["fifo"], "it is a FIFO, expected a file"), ([], "no file, expected the file of a sweep"),
    (["s.h5", "t.h5"], "expected one file")])
def test_usage(words, said, path):
    os.mkfifo(path.parent / "fifo")
    done = run("verify", *words, cwd=path.parent)
    assert (done.returncode, done.stdout) == (2, "") and said in done.stderr
