# SPDX-License-Identifier: MIT
"""Files that are not the program's: links, devices, FIFOs, results of others, whatever stands under
the names beside a sweep; disks with little room; and exports that are killed."""
import os
import random
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path

import h5py
import pytest
from program import PROGRAM, listing, run, wait_for
from sweep_case import LONG, WITH_FAULTS, needs_faults, sweep, wait_until, write_spec

SPEC = """\
training: {batch: 16, episodes: 60}
networks: {critic_hidden1: 32, critic_hidden2: 16}
environment: {agents: 3}
tracking: {log_every: 10, snapshot_every: 0}
grid: {actor_lr: [0.1, 0.001], seed: [1, 2]}
"""
FEW = ["--bootstrap", "200", "--permutations", "999"]
KILLS = 20


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """The file of a finished sweep."""
    folder = tmp_path_factory.mktemp("files")
    write_spec(folder, SPEC)
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "s.h5"


@pytest.fixture(scope="module")
def table(swept):
    """What aggregate prints of it, as CSV."""
    done = run("aggregate", swept, "--format", "csv", *FEW)
    assert done.returncode == 0 and done.stdout, done.stderr
    return done.stdout


def aggregate(swept, output, **options):
    return run("aggregate", swept, "--format", "csv", *FEW, "-o", output, **options)


# Specs


@pytest.mark.parametrize("words", [["plan"], ["spec"], ["run", "-o", "b.h5"], ["train"]])
def test_a_spec_that_nobody_writes(words, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    done = run(words[0], "fifo", *words[1:], cwd=tmp_path)
    assert done.returncode == 2 and listing(tmp_path) == ["fifo"]
    assert done.stderr == ("ccmsweep: fifo: a FIFO into which nothing is written, expected a spec in "
                           "YAML\n")


def test_a_spec_that_somebody_writes_late(tmp_path):
    write_spec(tmp_path, SPEC)
    done = subprocess.run(["bash", "-c", '"$0" plan <(sleep 0.5; cat s.yaml)', PROGRAM],
                          cwd=tmp_path, text=True, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0 and "4 cells" in done.stdout, done.stderr


def test_a_stop_while_a_spec_is_waited_for(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    process = subprocess.Popen([PROGRAM, "run", "fifo", "-o", "b.h5"], cwd=tmp_path, text=True,
                               stderr=subprocess.PIPE)
    with open(tmp_path / "fifo", "wb"):  # a writer that has nothing to say
        wait_until(lambda: "fifo" in "".join(map(os.readlink, map(
            str, (Path("/proc") / str(process.pid) / "fd").iterdir()))), "it did not open it")
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=30)[1]
    assert (process.returncode, said) == (75, "ccmsweep: stopped while fifo was read\n")


# Tables


def test_a_table_through_links(swept, table, tmp_path):
    """Chains of links, to a file and to none yet: the target is written, the links stay."""
    (tmp_path / "scratch").mkdir()
    (tmp_path / "one").symlink_to("scratch/t.csv")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    for old in None, "old":
        if old:
            (tmp_path / "scratch/t.csv").write_text(old)
            (tmp_path / "scratch/t.csv").chmod(0o640)
        done = aggregate(swept, tmp_path / "two")
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "scratch/t.csv").read_text() == table
        assert listing(tmp_path) == ["one", "scratch", "scratch/t.csv", "two"]
        assert (tmp_path / "two").is_symlink() and (tmp_path / "one").is_symlink()
    assert stat.S_IMODE((tmp_path / "scratch/t.csv").stat().st_mode) == 0o640


@pytest.mark.parametrize("form", ["table", "csv", "json", "latex"])
def test_results_are_never_replaced(form, swept, tmp_path):
    shutil.copy(swept, tmp_path / "other.h5")
    before = (tmp_path / "other.h5").read_bytes()
    (tmp_path / "link").symlink_to("other.h5")
    for name in "other.h5", "link":
        done = run("aggregate", swept, "--format", form, "-o", tmp_path / name)
        assert done.returncode == 2 and "it is an HDF5 file" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert (tmp_path / "other.h5").read_bytes() == before
    assert listing(tmp_path) == ["link", "other.h5"]


def test_a_table_into_a_device(swept, tmp_path):
    try:
        os.mknod(tmp_path / "null", 0o600 | stat.S_IFCHR, os.stat("/dev/null").st_rdev)
        (tmp_path / "null").write_text("x")
    except OSError as error:
        pytest.skip(f"no device can be made here: {error}")
    done = aggregate(swept, tmp_path / "null")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "null").is_char_device() and listing(tmp_path) == ["null"]


def test_a_table_into_a_full_device(swept):
    done = aggregate(swept, "/dev/full")
    assert done.returncode == 1
    assert done.stderr == "ccmsweep: cannot write /dev/full: No space left on device\n"


def test_a_table_into_a_fifo(swept, table, tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with subprocess.Popen(["cat", tmp_path / "fifo"], text=True, stdout=subprocess.PIPE) as reader:
        done = aggregate(swept, tmp_path / "fifo")
        assert done.returncode == 0, done.stderr
        assert reader.communicate(timeout=30)[0] == table
    assert (tmp_path / "fifo").is_fifo() and listing(tmp_path) == ["fifo"]


def test_a_fifo_without_a_reader_is_waited_for(swept, tmp_path):
    """And the wait can be ended."""
    os.mkfifo(tmp_path / "fifo")
    with subprocess.Popen([PROGRAM, "aggregate", swept, *FEW, "-o", tmp_path / "fifo"]) as process:
        time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == -signal.SIGTERM
    assert (tmp_path / "fifo").is_fifo() and listing(tmp_path) == ["fifo"]


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_a_table_into_standard_output(name, swept, table, tmp_path):
    assert aggregate(swept, name).stdout == table
    # What a shell has written into the file before and writes after it stays.
    with open(tmp_path / "out", "w", encoding="utf-8") as file:
        file.write("before\n")
        file.flush()
        done = subprocess.run([PROGRAM, "aggregate", swept, "--format", "csv", *FEW, "-o", name],
                              stdout=file, check=False, timeout=60)
        os.write(file.fileno(), b"after\n")
    assert done.returncode == 0
    assert (tmp_path / "out").read_text() == f"before\n{table}after\n"
    left = subprocess.run(["/bin/bash", "-c",
                           '"$0" aggregate "$1" -o "$2" | true; echo ${PIPESTATUS[0]}',
                           PROGRAM, swept, name], text=True, capture_output=True, check=False,
                          timeout=60)
    assert (left.stdout, left.stderr) == ("0\n", "")


def test_standard_output_that_is_results(swept, tmp_path):
    shutil.copy(swept, tmp_path / "other.h5")
    before = (tmp_path / "other.h5").read_bytes()
    with open(tmp_path / "other.h5", "r+b") as file:
        done = subprocess.run([PROGRAM, "aggregate", swept, *FEW, "-o", "/dev/stdout"], stdout=file,
                              stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert done.returncode == 2 and "it is an HDF5 file" in done.stderr
    assert (tmp_path / "other.h5").read_bytes() == before


@pytest.mark.parametrize("kind", ["lock", "ckpt", "job"])
def test_a_table_takes_no_name_of_the_sweep(kind, swept):
    before = listing(swept.parent)
    done = aggregate(swept, f"{swept}.{kind}")
    assert done.returncode == 2 and f"{swept}.{kind} belongs to the sweep {swept}," in done.stderr
    assert listing(swept.parent) == before


@pytest.mark.parametrize("kind", ["lock", "ckpt", "job"])
@pytest.mark.parametrize("there", [False, True], ids=["absent", "there"])
@pytest.mark.parametrize("words", [["run", "s.yaml", "-o"], ["run", "s.yaml", "--dry-run", "-o"],
                                   ["train", "--set", "training.episodes=2", "-o"],
                                   ["train", "--force", "-o"], ["export", "s.h5"],
                                   ["export", "--force", "s.h5"]], ids=" ".join)
def test_nothing_takes_a_name_of_the_sweep(words, there, kind, swept, tmp_path):
    """Of whatever sweep is there, under whatever name: a link leads to the same."""
    shutil.copy(swept, tmp_path / "s.h5")
    write_spec(tmp_path, SPEC)
    os.symlink(f"s.h5.{kind}", tmp_path / "link")
    if there and kind == "lock":
        (tmp_path / "s.h5.lock").touch()
    elif there:
        (tmp_path / f"s.h5.{kind}").mkdir()
    before = listing(tmp_path)
    for name in (f"s.h5.{kind}", f"./s.h5.{kind}", "link"):
        done = run(*words, name, cwd=tmp_path)
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert there or "belongs to the sweep " in done.stderr, done.stderr
    assert listing(tmp_path) == before


def test_such_a_name_beside_no_sweep(swept, tmp_path):
    (tmp_path / "s.txt").touch()
    for name in ("s.txt.lock", "t.h5.lock"):
        assert aggregate(swept, tmp_path / name).returncode == 0


def test_what_a_zombie_has_left_goes(swept, table, tmp_path):
    """A process that was killed, and whose parent has not looked yet."""
    zombie = subprocess.Popen(["true"])
    wait_until(lambda: ") Z" in (Path("/proc") / str(zombie.pid) / "stat").read_text(),
               "it did not end")
    (tmp_path / f"t.csv.ccmsweep-tmp.{zombie.pid}").write_text("half")
    done = aggregate(swept, tmp_path / "t.csv")
    zombie.wait()
    assert done.returncode == 0 and listing(tmp_path) == ["t.csv"]
    assert (tmp_path / "t.csv").read_text() == table


def test_a_killed_table_leaves_no_trace(swept, table, tmp_path):
    """Nothing or all of it, and the next one clears what was left."""
    chance = random.Random(1)
    for _ in range(KILLS):
        process = subprocess.Popen([PROGRAM, "aggregate", swept, "--format", "csv", *FEW, "-o",
                                    tmp_path / "t"], stderr=subprocess.DEVNULL)
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.wait()
        assert not (tmp_path / "t").exists() or (tmp_path / "t").read_text() == table
    dead = subprocess.Popen(["true"])
    dead.wait()
    (tmp_path / f"t.ccmsweep-tmp.{dead.pid}").write_text("half")
    assert aggregate(swept, tmp_path / "t").returncode == 0
    assert listing(tmp_path) == ["t"]


@pytest.mark.parametrize("words", [
    ["aggregate", "s.h5", "-o", ""], ["aggregate", ""], ["status", ""], ["show", ""],
    ["export", "s.h5", ""], ["export", "", "out"], ["plan", ""], ["plan", "s.yaml", ""],
    ["spec", ""], ["run", "", "-o", "x.h5"], ["run", "s.yaml", "-o", ""],
    ["run", "s.yaml", "-o", "x.h5", "--reuse", ""], ["train", ""], ["train", "-o", ""],
    ["bench", "schedule", "--folder", ""]], ids=" ".join)
def test_no_name(words, swept):
    before = listing(swept.parent)
    done = run(*words, cwd=swept.parent)
    assert done.returncode == 2, done.stderr
    assert "no name, expected" in done.stderr or "no file for the sweep" in done.stderr
    assert listing(swept.parent) == before


# The file of a sweep, and what stands beside it


@pytest.mark.parametrize("command", ["run", "train"])
def test_one_sweep_under_two_names(command, tmp_path):
    """Begun through a link that leads nowhere yet, gone on with under the file's own name, and
    through the link again: each goes on where the last one stopped."""
    (tmp_path / "home").mkdir()
    (tmp_path / "scratch").mkdir()
    (tmp_path / "l.yaml").write_text(LONG.replace("[1, 2, 3, 4]", "[1]") +
                                     "checkpoint: {every_s: 0.05}\n")
    (tmp_path / "home/b.h5").symlink_to("../scratch/b.h5")

    checkpoint = tmp_path / "scratch/b.h5.ckpt/run-000000.ckpt"

    def saved():
        return checkpoint.stat().st_mtime_ns if checkpoint.exists() else None

    reached = 0
    for name in "home/b.h5", "scratch/b.h5", "home/b.h5":
        before = saved()
        process = subprocess.Popen(
            [PROGRAM, command, "l.yaml", "-o", name, "--progress", "none"], cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        # The first goes far: from the beginning the others would not come that far.
        wait_until(lambda last=before: saved() != last, "no checkpoint is saved")
        time.sleep(2 if before is None else 0)
        process.send_signal(signal.SIGTERM)
        err = process.communicate(timeout=60)[1]
        assert process.returncode == 75, err
        with h5py.File(tmp_path / "scratch/b.h5") as file:
            episode = int(file["volatile/progress_episode"][0])
        assert episode > reached
        reached = episode
        assert (tmp_path / "home/b.h5").is_symlink() and listing(tmp_path / "home") == ["b.h5"]
        assert listing(tmp_path / "scratch") == ["b.h5", "b.h5.ckpt",
                                                 "b.h5.ckpt/run-000000.ckpt", "b.h5.lock"]
    if command == "run":
        done = run("status", "home/b.h5", cwd=tmp_path)
        assert done.returncode == 0 and "interrupted" in done.stdout


def test_a_link_into_no_folder(tmp_path):
    write_spec(tmp_path, SPEC)
    (tmp_path / "b.h5").symlink_to("gone/b.h5")
    for words in [], ["--dry-run"]:
        done = run("run", "s.yaml", "-o", "b.h5", *words, cwd=tmp_path)
        assert done.returncode == 2
        assert done.stderr == "ccmsweep: cannot create gone/b.h5: No such file or directory\n"
    (tmp_path / "round").symlink_to("round")
    done = run("run", "s.yaml", "-o", "round", cwd=tmp_path)
    assert done.returncode == 2 and "symbolic links" in done.stderr
    assert listing(tmp_path) == ["b.h5", "round", "s.yaml"]


def test_a_lock_that_is_none(swept, tmp_path):
    """Not waited for, not followed, not emptied; and readers read."""
    for name in "s.h5", "s.yaml":
        shutil.copy(swept.parent / name, tmp_path)
    precious, lock = tmp_path / "precious", tmp_path / "s.h5.lock"
    for make in (lambda: lock.symlink_to("precious"), lambda: os.mkfifo(lock),
                 lambda: lock.write_text("[[package]]\n")):
        precious.write_text("kept")
        make()
        for words in (["run", "s.yaml", "-o", "s.h5"], ["train", "-o", "s.h5", "--force"]):
            done = run(*words, cwd=tmp_path)
            assert done.returncode == 2 and "expected a lock file or no file" in done.stderr
        for words in (["status", "s.h5"], ["show", "s.h5"], ["aggregate", "s.h5", *FEW],
                      ["export", "s.h5", "out"], ["plan", "s.yaml", "s.h5"],
                      ["run", "s.yaml", "-o", "new.h5", "--reuse", "s.h5"]):
            done = run(*words, cwd=tmp_path)
            assert done.returncode == 0, done.stderr
        assert precious.read_text() == "kept" and not precious.is_symlink()
        assert lock.is_symlink() or lock.is_fifo() or lock.read_text() == "[[package]]\n"
        lock.unlink()
        shutil.rmtree(tmp_path / "out")


def test_checkpoints_elsewhere(tmp_path):
    """A link in the place of the folder may lead to those of another sweep."""
    write_spec(tmp_path, SPEC)
    (tmp_path / "far").mkdir()
    (tmp_path / "far/run-000000.ckpt").write_text("kept")
    (tmp_path / "b.h5.ckpt").symlink_to("far")
    done = run("run", "s.yaml", "-o", "b.h5", cwd=tmp_path)
    assert done.returncode == 2 and "b.h5.ckpt is a link, expected a folder" in done.stderr
    done = run("train", "-o", "b.h5", cwd=tmp_path)
    assert done.returncode == 2 and "b.h5.ckpt is a link, expected a folder" in done.stderr
    assert listing(tmp_path) == ["b.h5.ckpt", "far", "far/run-000000.ckpt", "s.yaml"]


@pytest.mark.parametrize("make", [lambda path: path.write_text("mine"), os.mkfifo],
                         ids=["file", "FIFO"])
def test_no_folder_where_checkpoints_go(make, tmp_path):
    """Told before the first cell, not after each."""
    write_spec(tmp_path, SPEC)
    make(tmp_path / "b.h5.ckpt")
    for words in (["run", "s.yaml", "-o", "b.h5"], ["run", "s.yaml", "-o", "b.h5", "--dry-run"],
                  ["train", "-o", "b.h5"]):
        done = run(*words, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (
            2, "ccmsweep: b.h5.ckpt is not a folder, expected one or nothing: the checkpoints go "
               "there\n")
    assert listing(tmp_path) == ["b.h5.ckpt", "s.yaml"]


def test_other_owners_are_told(swept, tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root can give files away")
    for name in "s.h5", "s.yaml":
        shutil.copy(swept.parent / name, tmp_path)
    (tmp_path / "s.h5.lock").touch()
    os.chown(tmp_path / "s.h5.lock", 65534, 65534)
    done = run("run", "s.yaml", "-o", "s.h5", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stderr.startswith("ccmsweep: warning: s.h5.lock belongs to another user (number "
                                  "65534)\n"), done.stderr
    os.link(tmp_path / "s.h5", tmp_path / "second.h5")
    done = run("run", "s.yaml", "-o", "s.h5", cwd=tmp_path)
    assert done.returncode == 0 and "s.h5 has 2 names (hard links)" in done.stderr


# Room


def in_small_disk(folder, size, script):
    """Run a script of the shell in a folder on a disk of its own."""
    mount = f"mount -t tmpfs -o size={size} tmpfs {folder} && cd {folder} && "
    tried = subprocess.run(["unshare", "-m", "sh", "-c", mount + "true"], capture_output=True,
                           text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"no file system can be mounted here: {tried.stderr.strip()}")
    return subprocess.run(["unshare", "-m", "bash", "-c", mount + script], capture_output=True,
                          text=True, check=False, timeout=120)


def test_a_creation_leaves_room(tmp_path):
    """Refused before anything is written, also where the file itself would fit in."""
    (tmp_path / "disk").mkdir()
    write_spec(tmp_path, SPEC.replace("[1, 2]", "1-300").replace("{batch: 16, episodes: 60}",
                                                                 "{batch: 16, episodes: 500}"))
    made = run("run", "s.yaml", "-o", "s.h5", "--stop-before", "+3s", cwd=tmp_path)
    assert made.returncode == 75, made.stderr
    size = (tmp_path / "s.h5").stat().st_size
    refused = in_small_disk(tmp_path / "disk", size + 1000000, f"""
        '{PROGRAM}' run {tmp_path}/s.yaml -o b.h5; echo $?; ls""")
    assert refused.stdout == "1\nb.h5.lock\n", refused.stderr
    assert "cannot create b.h5: No space left on device: it needs " in refused.stderr
    assert " more must stay free, but only " in refused.stderr
    fits = in_small_disk(tmp_path / "disk", size + 4000000, f"""
        '{PROGRAM}' run {tmp_path}/s.yaml -o b.h5 --stop-before +3s; echo $?
        cmp -n 4096 b.h5 {tmp_path}/s.h5 && stat -c %s b.h5""")
    assert fits.stdout.splitlines()[-2:] == ["75", str(size)], (fits.stdout, fits.stderr)


@pytest.mark.parametrize("command", ["run", "train"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1],
                         ids=lambda number: number.name)
def test_a_stop_in_a_creation(command, number, tmp_path):
    needs_faults()
    (tmp_path / "s.yaml").write_text(SPEC.replace("[0.1, 0.001]", "[0.1]").replace("[1, 2]", "[1]"))
    process = subprocess.Popen(
        [WITH_FAULTS, command, "s.yaml", "-o", "b.h5", "--progress", "none"], cwd=tmp_path,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"CCMSWEEP_FAULTS": "create=sleep:1500"})
    wait_for(tmp_path / f"b.h5.ccmsweep-tmp.{process.pid}")
    process.send_signal(number)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (75, ""), err
    assert err == ("ccmsweep: stopped while creating b.h5, and nothing is left of it; run the "
                   "same command again\n")
    assert listing(tmp_path) == ["b.h5.lock", "s.yaml"]
    assert run(command, "s.yaml", "-o", "b.h5", cwd=tmp_path).returncode == 0


# Exports


@pytest.fixture(scope="module")
def exported(swept):
    """The folders of a whole export."""
    folder = swept.parent / "whole"
    for name, words in (("tables", ["--tables", "all"]), ("study", ["--original"])):
        assert run("export", swept, folder.parent / f"whole-{name}", *words).returncode == 0
    return folder


def same(one, other):
    """Two folders of the same files."""
    return listing(one) == listing(other) and all(
        (one / name).is_dir() or (one / name).read_bytes() == (other / name).read_bytes()
        for name in listing(one))


@pytest.mark.parametrize("name, words", [("tables", ["--tables", "all"]), ("study", ["--original"])])
def test_killed_exports(name, words, swept, exported, tmp_path):
    """Under its name there is all of it or nothing; the same command then succeeds, and nothing
    stale stays."""
    whole = exported.with_name(f"whole-{name}")
    chance = random.Random(name)
    began = time.monotonic()
    assert run("export", swept, tmp_path / "first", *words).returncode == 0
    took = time.monotonic() - began
    shutil.rmtree(tmp_path / "first")
    absent = 0
    for _ in range(KILLS):
        with subprocess.Popen([PROGRAM, "export", swept, tmp_path / "out", *words],
                              stdout=subprocess.DEVNULL) as process:
            time.sleep(chance.uniform(0, took))
            process.kill()
        if (tmp_path / "out").exists():
            assert same(tmp_path / "out", whole)
            shutil.rmtree(tmp_path / "out")
        else:
            absent += 1
    assert absent > 0
    assert run("export", swept, tmp_path / "out", *words).returncode == 0
    assert same(tmp_path / "out", whole)
    assert listing(tmp_path) == ["out", *(f"out/{entry}" for entry in listing(whole))]


def killed_export(swept, *words, cwd):
    """An export that dies when it is made and has no name yet, or not all of it."""
    done = subprocess.run([WITH_FAULTS, "export", swept, *words], cwd=cwd, capture_output=True,
                          check=False, env=os.environ | {"CCMSWEEP_FAULTS": "export=kill"})
    assert done.returncode == -signal.SIGKILL


def test_an_export_killed_before_its_name(swept, exported, tmp_path):
    needs_faults()
    killed_export(swept, "out", "--tables", "all", cwd=tmp_path)
    assert listing(tmp_path)[0].startswith("out.ccmsweep-tmp.")
    (tmp_path / "out").mkdir()
    killed_export(swept, "out", "--tables", "all", cwd=tmp_path)
    assert listing(tmp_path / "out") == []
    assert run("export", swept, "out", "--tables", "all", cwd=tmp_path).returncode == 0
    assert same(tmp_path / "out", exported.with_name("whole-tables"))
    assert [entry for entry in listing(tmp_path) if "/" not in entry] == ["out"]


def test_an_export_killed_in_the_working_folder(swept, exported, tmp_path):
    """That cannot be replaced: it is filled, known for half-made, and finished by the next."""
    needs_faults()
    killed_export(swept, ".", "--original", cwd=tmp_path)
    assert any("export.ccmsweep-tmp." in entry for entry in listing(tmp_path))
    done = run("export", swept, ".", "--original", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert same(tmp_path, exported.with_name("whole-study"))
    done = run("export", swept, ".", "--original", cwd=tmp_path)
    assert done.returncode == 2 and "is not empty" in done.stderr


def test_an_export_into_what_is_not_ours(swept, tmp_path):
    """--force adds to a folder: a link in it stays one, and results are never replaced."""
    out = tmp_path / "out"
    out.mkdir()
    (out / "mine").write_text("kept")
    (tmp_path / "far.csv").write_text("old")
    (out / "runs.csv").symlink_to("../far.csv")
    assert run("export", swept, out, "--tables", "runs", "--force").returncode == 0
    assert (out / "runs.csv").is_symlink() and (tmp_path / "far.csv").read_text() != "old"
    assert listing(out) == ["mine", "runs.csv"]
    shutil.copy(swept, tmp_path / "far.csv")
    done = run("export", swept, out, "--tables", "runs", "--force")
    assert done.returncode == 2 and "it is an HDF5 file" in done.stderr
    assert (tmp_path / "far.csv").read_bytes() == swept.read_bytes()
    assert listing(out) == ["mine", "runs.csv"] and (out / "mine").read_text() == "kept"
    (tmp_path / "link").symlink_to("far")
    assert run("export", swept, tmp_path / "link").returncode == 0
    assert (tmp_path / "link").is_symlink() and "runs.csv" in listing(tmp_path / "far")
    os.mkfifo(tmp_path / "fifo")
    done = run("export", swept, tmp_path / "fifo")
    assert done.returncode == 2 and "cannot make the folder" in done.stderr


def test_a_sweep_under_mpi_through_a_link(tmp_path):
    """All ranks open the file that the link leads to, and no other."""
    write_spec(tmp_path, SPEC)
    (tmp_path / "scratch").mkdir()
    (tmp_path / "b.h5").symlink_to("scratch/b.h5")
    done = sweep(3, "s.yaml", "-o", "b.h5", "--progress", "none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "b.h5").is_symlink()
    assert listing(tmp_path / "scratch") == ["b.h5", "b.h5.lock"]
