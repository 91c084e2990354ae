# SPDX-License-Identifier: MIT
"""ccmsweep run and status, one process working alone."""
import json
import re
import signal
import subprocess
import time

import h5py
import pytest
from contents import assert_same_results
from program import PROGRAM, listing, run, wait_for

SIZE = """\
training: {batch: 8, episodes: 300}
environment: {agents: 3}
networks: {critic_hidden1: 32, critic_hidden2: 16}
tracking: {log_every: 5}
"""
SPEC = SIZE + """\
grid:
  actor_lr: [0.1, 0.001]
  critic_lr: [0.01]
  seed: [1, 2, 3]
"""
# Some seconds, so that there is something to stop.
LONG = SPEC.replace("300", "20000").replace("batch: 8", "batch: 64").replace("0.1,", "0.0001,")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a sweep that is done: s.yaml and s.h5."""
    folder = tmp_path_factory.mktemp("finished")
    (folder / "s.yaml").write_text(SPEC)
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def status(path, *words):
    done = run("status", path, "--json", *words)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_a_sweep_alone(finished):
    folder, done = finished
    assert done.stderr == ("ccmsweep: s.h5: all 6 cells are done (3 stopped, 3 censored, "
                           "0 diverged)\n")
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["actor_lr", "critic_lr", "runs", "done", "stopped", "censored",
                               "stopping", "episode:", "first", "half", "last"]
    stopping = sorted(h5py.File(folder / "s.h5")["stopping_episode"][:3])
    assert rows[1].split() == ["0.1", "0.01", "3", "3", "3", "0", *map(str, stopping)]
    assert rows[2].split() == ["0.001", "0.01", "3", "3", "0", "3"] + [">", "300"] * 3
    assert listing(folder) == ["s.h5", "s.h5.lock", "s.yaml"]


def test_nothing_to_do(finished):
    folder, done = finished
    before = (folder / "s.h5").read_bytes()
    again = run("run", "s.yaml", "-o", "s.h5", cwd=folder)
    assert (again.returncode, again.stdout) == (0, done.stdout)
    assert again.stderr == ("ccmsweep: s.h5: nothing to do, all 6 cells are done (3 stopped, "
                            "3 censored, 0 diverged)\n")
    with h5py.File(folder / "s.h5") as file:
        log = file["volatile/start_log_number"][:]
        places = [(d.id.get_offset(), d.id.get_storage_size()) for d in file["volatile"].values()]
    assert list(log[:2]) == [1, 2]
    after = bytearray((folder / "s.h5").read_bytes())
    for start, size in places:
        after[start:start + size] = before[start:start + size]
    assert bytes(after) == before


def test_another_algorithm_is_refused_before_anything_is_made(finished, tmp_path):
    folder, _ = finished
    (tmp_path / "s.yaml").write_text(SPEC)
    (tmp_path / "s.h5").write_bytes((folder / "s.h5").read_bytes())
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        version = file.attrs["algorithm_version"]
        file.attrs.modify("algorithm_version", version + 1)
    done = run("run", "s.yaml", "-o", "s.h5", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"ccmsweep: s.h5 was begun with version {version + 1} of the "
                                  f"algorithm and this program has version {version}, ")
    assert listing(tmp_path) == ["s.h5", "s.yaml"]


@pytest.mark.parametrize("outcome", [-1, 0, 6, 7, 100000000])
def test_an_outcome_that_no_run_can_have(finished, tmp_path, outcome):
    folder, before = finished
    (tmp_path / "s.yaml").write_text(SPEC)
    (tmp_path / "s.h5").write_bytes((folder / "s.h5").read_bytes())
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file["outcome"][4] = outcome
    for words in [], ["--retry", "failed"]:
        done = run("run", "s.yaml", "-o", "s.h5", *words, cwd=tmp_path)
        assert done.returncode == 2  # starting again would not help
        assert done.stderr == (f"ccmsweep: run 4 of s.h5 is damaged: its outcome is {outcome}; "
                               "run --check trains again what is not what was committed\n")
    seen = status(tmp_path / "s.h5")
    assert (seen["states"]["done"], seen["states"]["pending"]) == (5, 1)
    done = run("run", "s.yaml", "-o", "s.h5", "--check", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, before.stdout)
    assert_same_results(tmp_path / "s.h5", folder / "s.h5")


def test_a_cell_is_what_train_makes_of_it(finished, tmp_path):
    folder, _ = finished
    (tmp_path / "one.yaml").write_text(SIZE)
    done = run("train", "one.yaml", "--actor-lr", "0.001", "--critic-lr", "0.01", "--seed", "2",
               "-o", "one.h5", cwd=tmp_path)
    assert done.returncode == 0
    with h5py.File(folder / "s.h5") as sweep, h5py.File(tmp_path / "one.h5") as one:
        for name in ("reward", "critic_loss", "actor_update", "first_still", "identity"):
            assert sweep[name][4].tobytes() == one[name][0].tobytes(), name


def start(*words, cwd):
    return subprocess.Popen([PROGRAM, "run", *words], cwd=cwd, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)


def test_a_stop_while_another_run_holds_the_file(tmp_path):
    (tmp_path / "l.yaml").write_text(LONG)
    holder = start("l.yaml", "-o", "l.h5", "--progress", "none", cwd=tmp_path)
    try:
        wait_for(tmp_path / "l.h5")
        process = start("l.yaml", "-o", "l.h5", cwd=tmp_path)
        assert process.stderr.readline() == ("ccmsweep: l.h5 is in use; waiting up to 30 s for "
                                             "it\n")
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=5)
        assert (process.returncode, out) == (75, "")
        assert err == "ccmsweep: stopped while l.h5 was in use by another process\n"
    finally:
        holder.terminate()
        holder.communicate(timeout=30)
    assert holder.returncode == 75


def test_a_time_to_wait_that_is_not_whole(tmp_path):
    (tmp_path / "l.yaml").write_text(LONG)
    holder = start("l.yaml", "-o", "l.h5", "--progress", "none", cwd=tmp_path)
    try:
        wait_for(tmp_path / "l.h5")
        done = run("run", "l.yaml", "-o", "l.h5", "--wait", "1.75", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr.startswith("ccmsweep: l.h5 is in use; waiting up to 1.75 s for it\n")
    finally:
        holder.terminate()
        holder.communicate(timeout=30)


def test_a_link_to_a_file_in_use(tmp_path):
    (tmp_path / "l.yaml").write_text(LONG)
    (tmp_path / "link.h5").symlink_to("l.h5")
    holder = start("l.yaml", "-o", "l.h5", "--progress", "none", cwd=tmp_path)
    try:
        wait_for(tmp_path / "l.h5")
        assert status(tmp_path / "link.h5")["locked"]
        done = run("run", "l.yaml", "-o", "link.h5", "--wait", "0", cwd=tmp_path)
        assert (done.returncode, done.stdout) == (4, "")
    finally:
        holder.terminate()
        holder.communicate(timeout=30)


def test_a_stop_without_room_for_a_checkpoint(tmp_path):
    (tmp_path / "l.yaml").write_text(LONG)
    process = start("l.yaml", "-o", "l.h5", "--progress", "none", cwd=tmp_path)
    wait_for(tmp_path / "l.h5")
    time.sleep(0.5)
    (tmp_path / "l.h5.ckpt").write_text("no folder")
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 75
    said = err.splitlines()[-2:]
    assert re.fullmatch(r"ccmsweep: no checkpoint: cannot create l\.h5\.ckpt/run-0{6}\.ckpt\S+: Not a "
                        r"directory; the run will resume from the last one, if there is one", said[0])
    assert said[1].startswith("ccmsweep: l.h5: stopped by a signal: ")
    cells = status(tmp_path / "l.h5")["states"]
    assert (cells["interrupted"], cells["lost"], cells["pending"]) == (0, 0, 6)


def stop_within_a_cell(words, number, folder):
    """Status of a sweep that runs, and what it says when it is stopped then."""
    for _ in range(5):
        process = start(*words, cwd=folder)
        wait_for(folder / "l.h5")
        time.sleep(0.5)
        running = status(folder / "l.h5")
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 75
        if ", 0 of them with a checkpoint;" not in err:
            break
        (folder / "l.h5").unlink()  # between two cells: once more
    return running, err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1],
                         ids=lambda number: number.name)
def test_a_stop_is_polite_and_goes_on(number, tmp_path):
    (tmp_path / "l.yaml").write_text(LONG)
    words = ("l.yaml", "-o", "l.h5", "--set", "training.episodes=1500", "--progress", "none")
    running, err = stop_within_a_cell(words, number, tmp_path)
    said = re.fullmatch(r"ccmsweep: l\.h5: stopped by a signal: (\d) of 6 cells done, (\d) left, "
                        r"1 of them with a checkpoint; run the same command again to resume\n", err)
    assert said, err
    assert running["locked"] and running["states"]["running"] == 1
    assert re.match(r"host .*, process \d+, since 20", running["holder"])
    stopped = status(tmp_path / "l.h5", "--cells")
    assert not stopped["locked"] and stopped["states"]["interrupted"] == 1
    assert stopped["states"]["done"] == int(said.group(1)) == 6 - int(said.group(2))
    assert stopped["last_start"]["code"] == 75
    at = next(cell for cell in stopped["list"] if cell["state"] == "interrupted")
    assert at["episode"] > 0 and at["reason"] is None
    assert run("run", *words, cwd=tmp_path).returncode == 0
    attempts = [cell["attempts"] for cell in status(tmp_path / "l.h5", "--cells")["list"]]
    assert sorted(attempts) == [1, 1, 1, 1, 1, 2]
    assert run("run", "l.yaml", "-o", "m.h5", "--set", "training.episodes=1500",
               cwd=tmp_path).returncode == 0
    assert_same_results(tmp_path / "l.h5", tmp_path / "m.h5")


def test_a_file_that_is_taken_away_is_missed(tmp_path):
    (tmp_path / "l.yaml").write_text(LONG.replace("20000", "3000"))
    process = start("l.yaml", "-o", "l.h5", "--progress", "none", cwd=tmp_path)
    wait_for(tmp_path / "l.h5")
    time.sleep(0.3)
    (tmp_path / "l.h5").unlink()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.endswith("ccmsweep: l.h5 was removed or replaced while it was in use, and what was "
                        "committed in it is lost\n")


def test_stop_before(tmp_path):
    (tmp_path / "l.yaml").write_text(LONG)
    begun = time.monotonic()
    done = run("run", "l.yaml", "-o", "l.h5", "--stop-before", "+3s", cwd=tmp_path)
    assert done.returncode == 75 and time.monotonic() - begun < 3.5
    assert "l.h5: stopped because the time is up: " in done.stderr
    late = run("run", "l.yaml", "-o", "l.h5", "--stop-before", "1", cwd=tmp_path)
    assert late.returncode == 2 and "--stop-before: '1' is in the past, expected" in late.stderr
    assert status(tmp_path / "l.h5")["states"]["running"] == 0


def test_the_end_of_the_job_is_known(tmp_path, monkeypatch):
    (tmp_path / "l.yaml").write_text(LONG)
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(int(time.time()) + 3))
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    done = run("run", "l.yaml", "-o", "l.h5", cwd=tmp_path)
    assert done.returncode == 75 and "the time is up" in done.stderr
    assert status(tmp_path / "l.h5")["last_start"]["job"] == "4711"


def test_too_short_for_a_checkpoint(tmp_path):
    (tmp_path / "l.yaml").write_text(LONG)
    done = run("run", "l.yaml", "-o", "l.h5", "--stop-before", "+0.3s", cwd=tmp_path)
    assert done.returncode == 75
    assert "l.h5: nothing was begun: " in done.stderr and "too short for a cell" in done.stderr
    assert status(tmp_path / "l.h5")["states"]["pending"] == status(tmp_path / "l.h5")["cells"]


def test_an_end_that_is_past(tmp_path, monkeypatch):
    (tmp_path / "l.yaml").write_text(LONG)
    monkeypatch.setenv("SLURM_JOB_END_TIME", "1")
    done = run("run", "l.yaml", "-o", "l.h5", cwd=tmp_path)
    assert done.returncode == 75 and "nothing was begun: 0 s until the end are" in done.stderr


def test_dry_run(finished):
    """Says what a run would refuse, and leaves no trace."""
    folder, _ = finished
    before = (folder / "s.h5").read_bytes(), listing(folder)
    for words in (["s.yaml", "-o", "s.h5", "--retry", "failed"], ["s.yaml", "-o", "new.h5"],
                  ["s.yaml", "-o", "new.h5", "--reuse", "s.h5"]):
        done = run("run", *words, "--dry-run", cwd=folder)
        assert done.returncode == 0, done.stderr
        assert (done.stdout, done.stderr) == (
            "", "ccmsweep: nothing is wrong, nothing was touched\n")
    for words, sentence in ((["s.yaml", "-o", "s.h5", "--set", "training.gamma=0.9"],
                             "training.gamma is 0.99 in the file and 0.9 in the spec"),
                            (["s.yaml", "-o", "new.h5", "--reuse", "none.h5"], "--reuse: "),
                            (["s.yaml", "-o", "new.h5", "--order", "none"], "--order: 'none'")):
        done = run("run", *words, "--dry-run", cwd=folder)
        assert done.returncode == 2 and sentence in done.stderr, done.stderr
    assert ((folder / "s.h5").read_bytes(), listing(folder)) == before


def test_another_spec_is_refused(finished, tmp_path):
    folder, _ = finished
    before = (folder / "s.h5").read_bytes()
    done = run("run", "s.yaml", "-o", "s.h5", "--set", "training.gamma=0.9", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "training.gamma is 0.99 in the file and 0.9 in the spec" in done.stderr
    (tmp_path / "more.yaml").write_text(SPEC.replace("[1, 2, 3]", "[1, 2, 3, 4]"))
    done = run("run", tmp_path / "more.yaml", "-o", "s.h5", cwd=folder)
    assert done.returncode == 2 and "for 6 of the 8 cells of the spec, and 2 are new" in done.stderr
    assert (folder / "s.h5").read_bytes() == before


def test_a_sweep_is_extended(finished, tmp_path):
    folder, _ = finished
    (tmp_path / "more.yaml").write_text(SPEC.replace("[1, 2, 3]", "[3, 4, 1]"))
    done = run("run", "more.yaml", "-o", "more.h5", "--reuse", folder / "s.h5", "--progress",
               "none", cwd=tmp_path)
    assert done.returncode == 0
    assert f"ccmsweep: 4 runs copied from {folder / 's.h5'}\n" in done.stderr
    assert run("run", "more.yaml", "-o", "new.h5", cwd=tmp_path).returncode == 0
    assert_same_results(tmp_path / "more.h5", tmp_path / "new.h5")
    again = run("run", "more.yaml", "-o", "more.h5", "--reuse", "more.h5", cwd=tmp_path)
    assert again.returncode == 2 and "--reuse: more.h5 is the file of this sweep" in again.stderr
    (tmp_path / "x").write_text("x")
    other = run("run", "more.yaml", "-o", "other.h5", "--reuse", "x", cwd=tmp_path)
    assert other.returncode == 2 and "x is not an HDF5 file" in other.stderr
    assert "other.h5" not in listing(tmp_path)


def test_damage_is_found_and_mended(finished, tmp_path):
    folder, _ = finished
    (tmp_path / "s.yaml").write_text(SPEC)
    (tmp_path / "s.h5").write_bytes((folder / "s.h5").read_bytes())
    with h5py.File(tmp_path / "s.h5") as file:
        row = file["reward"].id.get_offset() + 4 * file["reward"].shape[1] * 8
        record = file["commit"].id.get_offset() + 2 * 64
    with open(tmp_path / "s.h5", "r+b") as file:
        for place in (row, record + 30):
            file.seek(place)
            byte = file.read(1)[0]
            file.seek(place)
            file.write(bytes([byte ^ 1]))
    assert status(tmp_path / "s.h5")["states"]["done"] == 5
    done = run("run", "s.yaml", "-o", "s.h5", "--check", "--progress", "none", cwd=tmp_path)
    assert done.returncode == 0
    assert "run 4 of s.h5 is damaged" in done.stderr and "it is to be trained again" in done.stderr
    assert_same_results(tmp_path / "s.h5", folder / "s.h5")


def test_order_does_not_matter(finished, tmp_path):
    folder, _ = finished
    (tmp_path / "s.yaml").write_text(SPEC)
    for order in ("plan", "random"):
        path = tmp_path / f"{order}.h5"
        assert run("run", "s.yaml", "-o", path, "--order", order, cwd=tmp_path).returncode == 0
        assert_same_results(path, folder / "s.h5")


WRONG = {
    "no spec": (["-o", "x.h5"], "no spec, expected SPEC.yaml"),
    "no file": (["s.yaml"], "no file for the sweep, expected --output FILE"),
    "two specs": (["s.yaml", "t.yaml", "-o", "x.h5"], "too many arguments: 't.yaml'"),
    "no such spec": (["t.yaml", "-o", "x.h5"], "t.yaml: No such file or directory"),
    "progress": (["s.yaml", "-o", "x.h5", "--progress", "much"], "--progress: 'much' is unknown"),
    "order": (["s.yaml", "-o", "x.h5", "--order", "best"], "--order: 'best' is unknown"),
    "time": (["s.yaml", "-o", "x.h5", "--stop-before", "soon"], "'soon' is not a time, expected +90m"),
    "retry": (["s.yaml", "-o", "x.h5", "--retry", "all"], "expected one of failed, quarantined"),
    "count": (["s.yaml", "-o", "x.h5", "--max-failed", "0"], "--max-failed: '0' is not a count"),
    "wait": (["s.yaml", "-o", "x.h5", "--wait", "-1"], "--wait: '-1' is not a time"),
    "setting": (["s.yaml", "-o", "x.h5", "--set", "training.gama=1"], "did you mean training.gamma"),
    "folder": (["s.yaml", "-o", "nowhere/x.h5"], "nowhere/x.h5: No such file or directory"),
    "a folder": (["s.yaml", "-o", "."], "--output: . is not a file"),
}


@pytest.mark.parametrize("words, message", WRONG.values(), ids=WRONG.keys())
def test_bad_command_line(words, message, tmp_path):
    (tmp_path / "s.yaml").write_text(SPEC)
    done = run("run", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr, done.stderr
    assert listing(tmp_path) == ["s.yaml"]


def test_status_for_people(finished):
    folder, done = finished
    shown = run("status", folder / "s.h5", "--cells")
    assert (shown.returncode, shown.stderr) == (0, "")
    head, table, cells = shown.stdout.split("\n\n")
    assert table + "\n" == done.stdout
    assert [line.split()[0] for line in head.splitlines()] == [
        "sweep", "lock", "start", "cells", "outcomes", "progress"]
    assert "6 cells" in head and "free: no process works on it" in head
    assert "6: 6 done, 0 running, 0 pending" in head
    assert len(cells.splitlines()) == 7


def test_status_watches_to_the_end(tmp_path):
    (tmp_path / "l.yaml").write_text(LONG.replace("20000", "3000"))
    process = start("l.yaml", "-o", "l.h5", "--progress", "none", cwd=tmp_path)
    wait_for(tmp_path / "l.h5")
    watched = run("status", tmp_path / "l.h5", "--watch")
    assert watched.returncode == 0
    assert process.wait(timeout=60) == 0
    assert watched.stdout.startswith("sweep ") and "6: 6 done, 0 running" in watched.stdout
    process.communicate()


def test_status_tells_of_a_lost_job(tmp_path):
    (tmp_path / "l.yaml").write_text(LONG)
    process = start("l.yaml", "-o", "l.h5", "--progress", "none", cwd=tmp_path)
    wait_for(tmp_path / "l.h5")
    time.sleep(0.7)
    process.kill()
    process.communicate()
    told = status(tmp_path / "l.h5")
    assert told["states"]["lost"] == 1 and not told["locked"]
    assert told["last_start"]["end"] is None and told["last_start"]["code"] is None
    assert [cell["reason"] for cell in told["attention"]] == [
        "was in flight when its job ended unexpectedly"]
    text = run("status", tmp_path / "l.h5").stdout
    assert "; ended unexpectedly\n" in text and "\nattention run 0 (actor_lr 0.0001" in text


@pytest.mark.parametrize("content, message", {
    "missing": (None, "No such file or directory"),
    "text": (b"hello", "is not an HDF5 file"),
}.values(), ids=["missing", "text"])
def test_status_of_nothing(content, message, tmp_path):
    if content is not None:
        (tmp_path / "x.h5").write_bytes(content)
    done = run("status", tmp_path / "x.h5")
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert listing(tmp_path) == ([] if content is None else ["x.h5"])
