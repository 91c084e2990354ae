# SPDX-License-Identifier: MIT
"""The file of a sweep, read only what is asked for, also while ranks write it."""
import hashlib
import os

# HDF5's own locks are no part of the sweep's protocol, and fail on some network file systems.
os.environ.setdefault("HDF5_USE_FILE_LOCKING", "FALSE")

import h5py  # noqa: E402
import numpy as np  # noqa: E402

SCHEMA_VERSION = 3
STOPPED, CENSORED, DIVERGED = 1, 2, 3
EVENTS = ("hard_saturation", "gradient_zero_first", "gradient_zero", "first_still", "last_change")


class Unreadable(Exception):
    """One sentence for the user: what is wrong with the input, and what was expected."""


def open_file(path):
    """The open file, which aggregate has found to be one of a sweep."""
    file = h5py.File(path, "r")
    version = int(file.attrs["schema_version"])
    if version != SCHEMA_VERSION:
        raise Unreadable(f"{path}: version {version} of the file's form; expected "
                         f"{SCHEMA_VERSION}, which these figures are made for")
    return file


def stretches(numbers):
    """Rising numbers as slices of neighbours."""
    numbers = np.asarray(numbers)
    breaks = np.flatnonzero(np.diff(numbers) != 1) + 1
    return [slice(int(part[0]), int(part[-1]) + 1)
            for part in np.split(numbers, breaks) if len(part)]


def counts(record):
    """Whether a commit record of 64 bytes is whole; the program's `run --check` looks at rows."""
    data = record.tobytes()
    return data[:4] == b"CCMC" and hashlib.sha256(data[:56]).digest()[:8] == data[56:]


class Sweep:
    """Rows of runs by their name in the file. What a run has not reached is NaN, -1 or 0."""

    def __init__(self, path, done=None):
        """`done` says which runs are finished, when that has been looked at before: a sweep that
        goes on finishes more of them."""
        self.path = path
        self.file = open_file(path)
        self.runs = self.file["run"].shape[0]
        self.limit = self.file["episode"].shape[0]
        commits = self.file["commit"][:]
        if done is None:
            outcome = self.file["outcome"][:]
            trained = (outcome >= STOPPED) & (outcome <= DIVERGED)
            done = np.array([bool(known) and counts(record)
                             for known, record in zip(trained, commits)], bool)
        self.done = done
        self.fingerprint = hashlib.sha256(np.where(done[:, None], commits, 0).tobytes()).hexdigest()

    def has(self, name):
        return name in self.file and 0 not in self.file[name].shape

    def column(self, name):
        """One value a run: numbers, or the names that numbers stand for."""
        dataset = self.file[name]
        values = dataset[:]
        if "flag_meanings" in dataset.attrs:
            names = dataset.attrs["flag_meanings"].decode().split()
            where = dict(zip(dataset.attrs["flag_values"].tolist(), names))
            return np.array([where.get(value, "?") for value in values.tolist()])
        return np.char.decode(values) if values.dtype.kind == "S" else values

    def rows(self, name, runs):
        """Rows of these runs (rising), the first dimension in their order."""
        dataset = self.file[name]
        if len(runs) == 0:
            return np.empty((0, *dataset.shape[1:]), dataset.dtype)
        return np.concatenate([dataset[part] for part in stretches(runs)])

    def mean_over_actors(self, name, runs):
        """Mean over a run's own actors, of a dataset [run, log, actor, …], by run: what is reduced
        is never in memory as a whole."""
        return self.reduced(name, runs, lambda row: row.astype(float).mean(axis=1))

    def rms_over_actors(self, name, runs):
        """Root of the mean square over a run's own actors, as mean_over_actors()."""
        return self.reduced(name, runs,
                            lambda row: np.sqrt((row.astype(float) ** 2).mean(axis=1)))

    def reduced(self, name, runs, reduce):
        dataset, actors = self.file[name], self.file["extent_actor"]
        return np.stack([reduce(dataset[int(run), :, :int(actors[run])]) for run in runs])

    def last_logs(self, name, runs):
        """The row of the last log that each of the runs has; runs without one are left out."""
        dataset, total = self.file[name], self.file["total_episodes"]
        log, extent = self.file["log"][:], self.file["extent_log"]
        found = []
        for run in runs:
            place = int(np.searchsorted(log[:int(extent[run])], int(total[run]), "right")) - 1
            if place >= 0:
                found.append(dataset[int(run), place])
        return np.array(found)

    def endpoint_times(self, event, endpoint, limit, runs):
        """Of each run the episode by which all, half or the first of its actors had an event; inf:
        not by the limit."""
        found = np.full(len(runs), np.inf)
        actors = self.rows("extent_actor", runs)
        for place, row in enumerate(self.rows(event, runs)):
            known = np.sort(row[(row >= 0) & (row <= limit)])
            wanted = {"all": actors[place], "half": (actors[place] + 1) // 2, "first": 1}[endpoint]
            if len(known) >= wanted:
                found[place] = known[wanted - 1]
        return found

    def event_times(self, event, endpoint, limit, runs):
        """Of each run the episode of its event, and whether it had it by the limit; without it the
        last episode that was looked at."""
        times = self.endpoint_times(event, endpoint, limit, runs)
        seen = np.isfinite(times)
        return np.where(seen, times, np.minimum(self.rows("total_episodes", runs), limit)), seen

    def text(self, name):
        return self.file[name][()].decode()

    def attribute(self, name):
        value = self.file.attrs[name]
        return value.decode() if isinstance(value, bytes) else value
