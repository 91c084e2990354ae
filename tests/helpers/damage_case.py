# SPDX-License-Identifier: MIT
"""What the tests share of files that were damaged or changed on purpose: the sweep, and each change
with what is said of it."""
import hashlib
import os
import resource
import shutil
import struct
import subprocess
import zlib

import h5py
import numpy as np
import pytest
from contents import Sweep
from program import PROGRAM

SPEC = """\
training: {batch: 8, episodes: 60}
environment: {agents: 5}
networks: {critic_hidden1: 32, critic_hidden2: 16}
tracking: {log_every: 5, snapshot_every: 30}
evaluation: {every: 20, episodes: 2}
grid:
  actor_lr: [0.1, 0.001]
  critic_lr: [0.01]
  seed: [1, 2]
"""
NOT_FOUND = ("bug on", "Sanitizer", "Traceback")


def limit_memory():
    """A few hundred MB are enough for any of these files."""
    if os.environ.get("CCMSWEEP_SANITIZE", "none") == "none":
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))


def run(*words, cwd, **options):
    done = subprocess.run([PROGRAM, *map(str, words)], cwd=cwd, capture_output=True, timeout=60,
                          preexec_fn=limit_memory, check=False, **options)
    done.stdout, done.stderr = done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")
    assert done.returncode in (0, 1, 2, 3, 75), done.stderr
    assert not any(word in done.stderr for word in NOT_FOUND), done.stderr
    return done


@pytest.fixture(scope="module", name="finished")
def fixture_finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("finished")
    (folder / "s.yaml").write_text(SPEC)
    assert run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=folder).returncode == 0
    return folder


@pytest.fixture(name="path")
def fixture_path(finished, tmp_path):
    """The file of a finished sweep, to be damaged."""
    shutil.copy(finished / "s.yaml", tmp_path / "s.yaml")
    shutil.copy(finished / "s.h5", tmp_path / "s.h5")
    return tmp_path / "s.h5"


def recommit(path, number):
    """Give a run a commit record that fits the rows it has."""
    rows = Sweep(path).hash(number)
    with h5py.File(path, "r+") as file:
        record = bytearray(file["commit"][number].tobytes())
        record[24:40] = rows
        record[8:12] = struct.pack("<I", int(file["outcome"][number]) & 0xFFFFFFFF)
        record[56:] = hashlib.sha256(record[:56]).digest()[:8]
        file["commit"][number] = np.frombuffer(record, np.uint8)


# ---- whole files ----

def replace(file, name, **how):
    """The dataset made anew, as another program might."""
    values = file[name][()]
    attributes = dict(file[name].attrs)
    del file[name]
    if "data" not in how and "shape" not in how:
        how["data"] = values
    file.create_dataset(name, **how)
    for key in ("units", "long_name"):
        if key in attributes:
            file[name].attrs[key] = attributes[key]


def make_sparse(file):
    """4 GB that take no room: no allocation before the first write."""
    del file["settings"]
    kind = h5py.h5t.C_S1.copy()
    kind.set_size(0xFFFFFFFF)
    h5py.h5d.create(file.id, b"settings", kind, h5py.h5s.create(h5py.h5s.SCALAR))


def make_pieces(file):
    """A piece of a gigabyte of zeros, packed: a megabyte of them, written down a thousand times."""
    replace(file, "reward", shape=(4, 60), dtype=file["reward"].dtype,
            chunks=(1024, 1 << 17), maxshape=(None, None), compression="gzip")
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    megabyte = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    checksum = struct.pack(">HH", (1 << 30) % 65521, 1)
    packed = b"\x78\x9c" + megabyte * 1024 + packer.flush() + checksum
    file["reward"].id.write_direct_chunk((0, 0), packed)


def make_external(file):
    os.mkfifo("fifo")
    extent = file["outcome"].shape
    del file["outcome"]
    file.create_dataset("outcome", extent, "<i4", external=[("fifo", 0, h5py.h5f.UNLIMITED)])


def make_link(file, link):
    del file["outcome"]
    file["outcome"] = link


def edit_settings(file, old, new):
    text = file["settings"][()]
    assert text.count(old) >= 1 and len(old) == len(new)
    file["settings"][()] = text.replace(old, new)


DAMAGED = "is damaged or was changed by another program"
CHANGES = {
    "settings: an array": (lambda f: replace(f, "settings", data=np.array([b"x" * 2000] * 3)),
                           DAMAGED),
    "settings: sparse": (make_sparse, DAMAGED),
    "settings: of numbers": (lambda f: replace(f, "settings", data=np.arange(9.0)), DAMAGED),
    "settings: of any length": (lambda f: replace(f, "settings", data="grid: {}"), DAMAGED),
    "settings: none": (lambda f: replace(f, "settings", data=h5py.Empty("S10")), DAMAGED),
    "settings: no spec": (lambda f: replace(f, "settings", data=np.bytes_(b"\x1b[31m: [")),
                          "s.h5: /settings:"),
    "a column of reals": (lambda f: replace(f, "outcome", dtype="<f8"), DAMAGED),
    "a column the other way round": (lambda f: replace(f, "stopping_episode", dtype=">i4"),
                                     DAMAGED),
    "a short column": (lambda f: replace(f, "outcome", data=f["outcome"][:3]), DAMAGED),
    "a long column": (lambda f: replace(f, "cause", shape=(4, 6), dtype="<i4"), DAMAGED),
    "rows cut short": (lambda f: replace(f, "reward", data=f["reward"][:, :30]), DAMAGED),
    "another rank": (lambda f: replace(f, "total_episodes", shape=(4, 1), dtype="<i4"), DAMAGED),
    "huge and empty": (lambda f: replace(f, "first_still", shape=(4, 1 << 40), dtype="<i4"),
                       DAMAGED),
    "a note less": (lambda f: f["volatile"].__delitem__("host"), DAMAGED),
    "a note of numbers": (lambda f: replace(f, "volatile/host", data=np.zeros(4)), DAMAGED),
    "rows elsewhere": (make_external, DAMAGED),
    "a soft link": (lambda f: make_link(f, h5py.SoftLink("/total_episodes")), DAMAGED),
    "a link to a FIFO": (lambda f: make_link(f, h5py.ExternalLink("fifo", "/outcome")), DAMAGED),
    "program: a number": (lambda f: f.attrs.create("program", 7), "but not one of ccmsweep"),
    "program: another": (lambda f: f.attrs.create("program", np.bytes_(b"othersweep")),
                         "but not one of ccmsweep"),
    "schema: an array": (lambda f: f.attrs.create("schema_version", [3, 3]),
                         "but not one of ccmsweep"),
    "schema: a text": (lambda f: f.attrs.create("schema_version", "3"),
                       "but not one of ccmsweep"),
    "pieces of gigabytes": (make_pieces, DAMAGED),
    "another grid": (lambda f: edit_settings(f, b"0.1,", b"0.3,"),
                     "training.actor_lr of run 0 is 0.3 in its settings and 0.1 in its column"),
    "another seed": (lambda f: f["seed"].__setitem__(2, 9),
                     "training.seed of run 2 is 1 in its settings and 9 in its column seed"),
    "another rate": (lambda f: f["actor_lr"].__setitem__(3, 0.3),
                     "training.actor_lr of run 3 is 0.001 in its settings and 0.3 in its column"),
    "another extent": (lambda f: f["extent_log"].__setitem__(1, 3), "extent_log of run 1"),
    "another scale": (lambda f: f["log"].__setitem__(1, 11), "log of row 1"),
    "another edge": (lambda f: f["bin"].__setitem__(3, np.nan), "bin of row 3"),
    "another batch": (lambda f: edit_settings(f, b"batch: 8", b"batch: 9"),
                      "the settings of run 0 (actor_lr 0.1, critic_lr 0.01, seed 1) are not those"),
    "another identity": (lambda f: f["identity"].__setitem__((2, 5), f["identity"][2, 5] ^ 1),
                         "the settings of run 2"),
}


# ---- runs ----

TOO_LATE = ", expected -1 or 1 to 60"
RUNS = {
    "outcome": (1, 77, "its outcome is 77"),
    "outcome, another": (1, 3, "its outcome is 3, and 2 was committed"),
    "outcome, of one that stopped": (1, 1, "its stopping_episode is -1, expected 1 to 60"),
    "total_episodes": (1, 10**6, "its total_episodes is 1000000, expected 1 to 60"),
    "total_episodes, none": (1, -1, "its total_episodes is -1, expected 1 to 60"),
    "stopping_episode": (1, 61, "its stopping_episode is 61, expected -1"),
    "run_cause": (1, -7, "its run_cause is -7, expected -1 to 5"),
    "cause": ((1, 2), 99, "its cause of actor 2 is 99, expected -1 to 5"),
    "cause, below": ((1, 4), -2**31, "its cause of actor 4 is -2147483648, expected -1 to 5"),
    "first_still": ((1, 0), 2**31 - 1, "its first_still of actor 0 is 2147483647" + TOO_LATE),
    "last_change": ((1, 1), 61, "its last_change of actor 1 is 61" + TOO_LATE),
    "gradient_zero": ((1, 3), 0, "its gradient_zero of actor 3 is 0" + TOO_LATE),
    "critic_last_change": (1, -9, "its critic_last_change is -9" + TOO_LATE),
    "detection_episode": ((1, 2), 4000, "its detection_episode, value 2 is 4000" + TOO_LATE),
}


def damage(path, case):
    """Make it, with a commit record that fits where there can be one; what is then said."""
    place, value, words = RUNS[case]
    with h5py.File(path, "r+") as file:
        file[case.split(",")[0]][place] = value
    if case != "outcome, another":
        recommit(path, 1)
    return words


# What only the checksum tells: each is a value that a training could have left. The other rows of
# its dataset, and of the run, stay.
CHANGED = {
    "reward": lambda f, run: change(f, "reward", (run, 0), 1e300),
    "reward, the last": lambda f, run: change(f, "reward", (run, 59), -1.0),
    "reward, one bit": lambda f, run: flip(f, "reward", (run, 30)),
    "a log": lambda f, run: flip(f, "tanh_slope_mean", (run, 3, 2)),
    "a log of one bit": lambda f, run: flip(f, "critic_grad_own", (run, 11)),
    "an event": lambda f, run: change(f, "first_still", (run, 4), 17),
    "a cause": lambda f, run: change(f, "cause", (run, 0), 4),
    "bits of actors": lambda f, run: flip(f, "actor_moving", (run, 20, 0)),
    "a histogram": lambda f, run: change(f, "preactivation_histogram", (run, 1, 2, 7), 3),
    "an evaluation": lambda f, run: change(f, "evaluation_reward", (run, 2), 0.5),
    "NaN of another kind": lambda f, run: flip(f, "energy_violation", (run, 0)),
}
NOT_COMMITTED = "its rows are not those that were committed"


def change(file, name, place, value):
    assert file[name][place] != value
    file[name][place] = value


def flip(file, name, place):
    """The lowest bit of a number."""
    raw = bytearray(file[name][place].tobytes())
    raw[0] ^= 1
    file[name][place] = np.frombuffer(bytes(raw), file[name].dtype)[0]
