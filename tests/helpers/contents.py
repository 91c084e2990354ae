# SPDX-License-Identifier: MIT
"""What the tests share that look into the HDF5 file of a run or a sweep. What counts and what must
be in the rows is decided here a second time, after commit.h, without the program's own code."""
import contextlib
import functools
import hashlib
import re
import shutil
import struct
import subprocess

import h5py
import numpy as np
from program import run

OUTCOMES = ["pending", "stopped", "censored", "diverged", "failed", "quarantined", "interrupted"]


def datasets(file):
    """All datasets by name, those of /volatile included."""
    found = {}
    file.visititems(lambda name, item: found.__setitem__(name, item)
                    if isinstance(item, h5py.Dataset) else None)
    return found


def results(path):
    """The type, the shape and the raw bytes of every dataset outside /volatile."""
    with h5py.File(path) as file:
        return {name: (dataset.dtype.str, dataset.shape, dataset[()].tobytes())
                for name, dataset in datasets(file).items() if not name.startswith("volatile/")}


def outside_volatile(path):
    """All bytes of the file, those of the datasets in /volatile blanked."""
    content = bytearray(path.read_bytes())
    with h5py.File(path) as file:
        for dataset in file["volatile"].values():
            start, size = dataset.id.get_offset(), dataset.id.get_storage_size()
            content[start:start + size] = bytes(size)
    return bytes(content)


def assert_same_results(one, other):
    """Nothing outside /volatile differs: no dataset, no byte, and h5diff (if there) agrees."""
    expected, got = results(one), results(other)
    assert expected.keys() == got.keys() and "commit" in expected
    different = [name for name in expected if expected[name] != got[name]]
    assert not different, "not the same: " + ", ".join(different)
    same = outside_volatile(one) == outside_volatile(other)
    assert same, "the datasets are the same, but not the file around them"
    if shutil.which("h5diff"):
        done = subprocess.run(["h5diff", "--exclude-path", "/volatile", one, other],
                              capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (0, "")


class Sweep:
    """All that a file holds outside /volatile, read at once; `path` may be the open file."""

    def __init__(self, path):
        self.path = path
        with contextlib.nullcontext(path) if isinstance(path, h5py.File) else h5py.File(path) \
                as file:
            self.version = int(file.attrs["algorithm_version"])
            found = {name: item for name, item in datasets(file).items()
                     if not name.startswith("volatile/")}
            self.values = {name: item[()] for name, item in found.items()}
            self.dimensions = {name: [item.dims[axis][0].name[1:] for axis in range(1, item.ndim)]
                               for name, item in found.items()}
        self.runs = len(self.values["run"])

    def rows(self, name, number):
        """The bytes of a field of a run, of the run's own extents."""
        cut = []
        for dimension in self.dimensions.get(name, []):
            extent = self.values.get(f"extent_{dimension}")
            if dimension == "actor_byte":
                extent = (self.values["extent_actor"] + 7) // 8
            cut.append(slice(None if extent is None else extent[number]))
        return self.values[name][(number, *cut)].tobytes()

    def hash(self, number):
        """What the commit record must say about the rows."""
        total = hashlib.sha256()
        for name in record_fields():
            if name in self.values:
                total.update(self.rows(name, number))
        return total.digest()[:16]

    def done(self):
        """Runs with a commit record that holds, and the outcome it names, with the hash of the rows."""
        return self.counting

    @functools.cached_property
    def counting(self):
        found = {}
        for number in range(self.runs):
            record = self.values["commit"][number].tobytes()
            magic, form, outcome, version, run_, rows, identity, checksum = struct.unpack(
                "<4sIIIQ16s16s8s", record)
            holds = (magic == b"CCMC" and form == 1 and version == self.version and run_ == number
                     and identity == self.values["identity"][number].tobytes()[:16]
                     and checksum == hashlib.sha256(record[:56]).digest()[:8])
            if holds:
                found[number] = (OUTCOMES[outcome], rows)
        return found

    def set_aside(self):
        """Runs that failed or are quarantined."""
        return {number: outcome for number, (outcome, _) in self.done().items()
                if outcome in ("failed", "quarantined")}

    def ranks(self):
        """The rank that trained each run last."""
        with h5py.File(self.path) as file:
            return file["volatile/rank"][:].tolist()

    def begun(self):
        """Runs that do not count although some of their rows are written."""
        reward = self.values["reward"]
        return [number for number in range(self.runs)
                if number not in self.counting and np.isfinite(reward[number]).any()]


_fields = []


def record_fields():
    """The fields of a record, in the order of their table."""
    if not _fields:
        records = run("show", "--schema").stdout.split("**Records**")[1].split("**")[0]
        _fields.extend(re.findall(r"^\| `(\w+)` \|", records, re.M))
    return _fields


def wrong_runs(path, reference):
    """In words, each run that counts and is not as in the file of a sweep left alone."""
    got, wanted = Sweep(path), Sweep(reference)
    wrong = []
    if got.values.keys() != wanted.values.keys():
        return ["other datasets"]
    for number, (outcome, rows) in got.done().items():
        if outcome in ("failed", "quarantined"):
            continue
        if rows != got.hash(number):
            wrong.append(f"run {number}: its rows are not those that its commit record names")
        both = [(name, got.values[name][number], wanted.values[name][number])
                for name in record_fields() if name in got.values]
        different = [name for name, one, other in both if one.tobytes() != other.tobytes()]
        if different:
            wrong.append(f"run {number}: not as expected: {', '.join(different)}")
    return wrong
