# SPDX-License-Identifier: MIT
"""The HDF5 file of a sweep, read by programs that are not ours, also while ranks write it."""
import os
import shutil
import subprocess
import time

import h5py
import numpy as np
import pytest
import xarray
from program import PROGRAM, run

SPEC = """\
training: {batch: 8}
networks: {critic_hidden1: 32, critic_hidden2: 16}
grid:
  - episodes: [40, 25]
    tracking.log_every: [5]
    environment.agents: [3, 9]
    seed: 1-2
    exclude: [{episodes: 25, environment.agents: 9}]
  - episodes: [30]
    tracking.log_every: [10]
    seed: [1]
"""
# Three seconds or so.
LONG = """\
training: {batch: 8, episodes: 1500}
environment: {agents: 5}
networks: {critic_hidden1: 32, critic_hidden2: 16}
grid:
  actor_lr: [0.01, 0.001, 0.0001]
  seed: 0-11
"""
AS_ROOT = {**os.environ, "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mixed")
    (folder / "s.yaml").write_text(SPEC)
    done = run("run", "s.yaml", "-o", "s.h5", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "s.h5"


def test_axes_and_own_extents(mixed):
    with xarray.open_dataset(mixed, engine="h5netcdf") as data:
        assert list(data.episodes.values) == [40, 40, 40, 40, 25, 25, 30]
        assert list(data.tracking_log_every.values) == [5, 5, 5, 5, 5, 5, 10]
        assert list(data.seed.values) == [1, 2, 1, 2, 1, 2, 1]
        assert list(data.environment_agents.values) == [3, 3, 9, 9, 3, 3, 50]
        assert list(data.extent_episode.values) == [40, 40, 40, 40, 25, 25, 30]
        assert list(data.extent_actor.values) == [3, 3, 9, 9, 3, 3, 50]
        assert list(data.extent_log.values) == [8, 8, 8, 8, 5, 5, 3]
        assert data.reward.shape == (7, 40) and data.first_still.shape == (7, 50)
        for row in range(7):
            agents, episodes = int(data.extent_actor[row]), int(data.total_episodes[row])
            reward = data.reward.values[row]
            assert np.isfinite(reward[:episodes]).all() and np.isnan(reward[episodes:]).all()
            assert (data.first_still.values[row, agents:] == -1).all()
            assert np.isnan(data.actor_update.values[row, :, agents:]).all()
            assert np.isfinite(data.actor_update.values[row, 0, :agents]).all()


def test_rows_are_those_of_a_training_of_its_own(mixed, tmp_path):
    (tmp_path / "one.yaml").write_text(SPEC.split("grid:")[0])
    done = run("train", "one.yaml", "--episodes", "25", "--seed", "2", "--set",
               "environment.agents=3", "--set", "tracking.log_every=5", "-o", "one.h5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with h5py.File(mixed) as sweep, h5py.File(tmp_path / "one.h5") as one:
        for name in ("reward", "first_still", "actor_update", "actor_layer_grad_own", "identity"):
            part = tuple(slice(0, extent) for extent in one[name].shape[1:])
            assert sweep[name][5][part].tobytes() == one[name][0].tobytes(), name


def test_it_is_read_while_ranks_write_it(tmp_path):
    """By h5py, xarray and h5dump: it always opens, and finished runs only grow."""
    if shutil.which("mpirun") is None:
        pytest.skip("mpirun is not installed")
    (tmp_path / "l.yaml").write_text(LONG)
    path = tmp_path / "l.h5"
    before, reads = np.zeros(36, bool), 0
    with subprocess.Popen(["mpirun", "--oversubscribe", "--bind-to", "none", "-n", "3", PROGRAM,
                           "run", "l.yaml", "-o", "l.h5", "--progress", "none"], cwd=tmp_path,
                          env=AS_ROOT, stdout=subprocess.DEVNULL) as running:
        while running.poll() is None:
            if not path.exists():
                time.sleep(0.001)
                continue
            with h5py.File(path, "r") as file:
                done = file["commit"][:].any(axis=1)
                outcome, reward = file["outcome"][:], file["reward"][:, :10]
            assert (done | ~before).all() and (outcome[before] > 0).all()
            assert np.isfinite(reward[before]).all()
            with xarray.open_dataset(path, engine="h5netcdf", group="/volatile") as data:
                assert set(data.flight.values) <= {0, 1} and (data.flight.values == 1).sum() <= 2
            assert subprocess.run(["h5dump", "-d", "/commit", path],
                                  stdout=subprocess.DEVNULL).returncode == 0
            before, reads = done, reads + 1
    assert running.returncode == 0 and reads > 3
    with xarray.open_dataset(path, engine="h5netcdf", group="/volatile") as data:
        assert set(data["rank"].values) == {1, 2} and (data.attempts.values == 1).all()
        assert (data.flight.values == 0).all() and data.start_log_ranks.values[0] == 3
