# SPDX-License-Identifier: MIT
"""A sweep's file with rows that nobody trained: made by the program, filled and committed here."""
import hashlib
import struct

import h5py
import numpy as np
from contents import Sweep
from program import run
from sweep_case import environment

EVENTS = ["first_still", "gradient_zero_first", "gradient_zero", "hard_saturation", "last_change"]
STOPPED, CENSORED, DIVERGED, FAILED, QUARANTINED, INTERRUPTED = range(1, 7)
RUNNING = 7  # not an outcome of the file: in flight
PENDING = 0
# Runs in every state; most of them are done, as in a sweep that is nearly complete.
EVERY_STATE = [STOPPED] * 12 + [CENSORED] * 8 + [DIVERGED] * 3 + [FAILED, QUARANTINED, INTERRUPTED,
                                                                 RUNNING, PENDING]


def make(folder, spec, name="s.h5"):
    """The file of a sweep that was stopped before its first cell."""
    (folder / "s.yaml").write_text(spec, encoding="utf-8")
    done = run("run", "s.yaml", "-o", name, cwd=folder,
               env={**environment(), "SLURM_JOB_END_TIME": "1"})
    assert done.returncode == 75, done.stderr
    return folder / name


def commit(file, outcomes, runs=None):
    """Let those runs (None: of all) count that have one of the outcomes of a run that is done, with
    the rows that they have; all fields of the file must be the runs' own."""
    file["outcome"][:] = np.where(np.asarray(outcomes) == RUNNING, 0, outcomes)
    version = int(file.attrs["algorithm_version"])
    records = file["commit"][:]
    sweep = Sweep(file)
    for number, outcome in enumerate(outcomes):
        if (runs is None or number in runs) and STOPPED <= outcome <= QUARANTINED:
            identity = file["identity"][number].tobytes()[:16]
            head = struct.pack("<4sIIIQ16s16s", b"CCMC", 1, outcome, version, number,
                               sweep.hash(number), identity)
            records[number] = np.frombuffer(head + hashlib.sha256(head).digest()[:8], np.uint8)
    file["commit"][:] = records


def times_of(rng, shape, last):
    """Event times, some of which were not seen."""
    times = rng.integers(2, max(3, last), shape)
    return np.where(rng.random(shape) < 0.05, -1, times)


def fill(path, outcomes, seed=1):
    """Random rows that have the form of trained ones, other than the limits of real ones."""
    rng = np.random.default_rng(seed)
    with h5py.File(path, "r+") as file:
        actors, limit = file["first_still"].shape[1], file["reward"].shape[1]
        rows = {name: file[name][:] for name in (*EVENTS, "cause", "reward", "total_episodes",
                                                 "stopping_episode", "evaluation_reward")}
        episode = file["volatile/progress_episode"][:]
        flight = file["volatile/flight"][:]
        for number, outcome in enumerate(outcomes):
            if outcome in (INTERRUPTED, RUNNING):
                episode[number] = rng.integers(1, limit)
                flight[number] = outcome == RUNNING
            if outcome not in (STOPPED, CENSORED, DIVERGED):
                continue
            total = limit if outcome == CENSORED else int(rng.integers(limit // 3, limit))
            for name in EVENTS:
                rows[name][number] = times_of(rng, actors, total)
            if outcome == STOPPED:
                rows["first_still"][number] = rng.integers(2, max(3, total - 101), actors)
                rows["stopping_episode"][number] = rows["first_still"][number].max()
            rows["gradient_zero"][number] = np.minimum(rows["gradient_zero"][number],
                                                       rows["last_change"][number])
            rows["cause"][number] = rng.integers(0, 6, actors)
            rows["reward"][number, :total] = rng.normal(-1000, 100, total)
            evaluations = total // (limit // rows["evaluation_reward"].shape[1])
            rows["evaluation_reward"][number, :evaluations] = rng.normal(-900, 50, evaluations)
            rows["total_episodes"][number] = total
        for name, values in rows.items():
            file[name][:] = values
        file["volatile/progress_episode"][:] = episode
        file["volatile/flight"][:] = flight
        commit(file, outcomes)


def fill_with_every_state(path):
    """Fill a file of 48 runs with runs in every state, in an order that is always the same."""
    outcomes = [*EVERY_STATE, *EVERY_STATE[:20]]
    fill(path, np.random.default_rng(3).permutation(outcomes))
