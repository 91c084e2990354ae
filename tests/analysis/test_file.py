# SPDX-License-Identifier: MIT
"""The HDF5 file of a training, read by programs that are not ours: h5py, xarray, h5dump, h5diff."""
import subprocess
import time

import h5py
import numpy as np
import pytest
import xarray
from contents import assert_same_results, datasets
from program import PROGRAM

SETTINGS = ["--episodes", "30", "--actor-lr", "0.1", "--critic-lr", "0.01", "--progress", "none"]
SMALL = ["environment.agents=10", "training.batch=8", "networks.critic_hidden1=32",
         "networks.critic_hidden2=16", "tracking.snapshot_every=10", "evaluation.every=15",
         "evaluation.episodes=2"]
SPEC = "# É, a spec of its own\ntraining: {seed: 7}\n"


def train(output, *words, **options):
    sets = [word for key in SMALL for word in ("--set", key)]
    return subprocess.run([PROGRAM, "train", *SETTINGS, *sets, "-o", output, *words], text=True,
                          capture_output=True, timeout=100, **options)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    folder = tmp_path_factory.mktemp("file")
    (folder / "spec.yaml").write_text(SPEC, encoding="utf-8")
    done = train(folder / "run.h5", folder / "spec.yaml")
    assert done.returncode == 0, done.stderr
    return folder / "run.h5"


@pytest.fixture()
def file(path):
    with h5py.File(path, "r") as opened:
        yield opened


def test_superblock_is_the_oldest(path):
    assert path.read_bytes()[:9] == b"\x89HDF\r\n\x1a\n\0"


def test_nothing_in_it_can_move_or_grow(file):
    assert len(datasets(file)) > 80
    for name, dataset in datasets(file).items():
        properties = dataset.id.get_create_plist()
        assert properties.get_layout() == h5py.h5d.CONTIGUOUS, name
        assert properties.get_alloc_time() == h5py.h5d.ALLOC_TIME_EARLY, name
        assert properties.get_fill_time() == h5py.h5d.FILL_TIME_ALLOC, name
        assert h5py.h5g.get_objinfo(dataset.id).mtime == 0, name
        assert properties.get_nfilters() == 0, name
        assert dataset.maxshape == dataset.shape, name
        assert dataset.id.get_offset() is not None, name
        if dataset.nbytes >= 4096:
            assert dataset.id.get_offset() % 4096 == 0, name


def test_only_plain_types(file):
    for name, dataset in datasets(file).items():
        kind = dataset.id.get_type()
        assert kind.get_class() in (h5py.h5t.INTEGER, h5py.h5t.FLOAT, h5py.h5t.STRING), name
        if kind.get_class() == h5py.h5t.STRING:
            assert not kind.is_variable_str(), name
        elif kind.get_size() > 1:
            assert kind.get_order() == h5py.h5t.ORDER_LE, name


def test_every_dimension_has_its_scale(file):
    """Those of /volatile lie in it, and no scale of the root knows of it."""
    for name, dataset in datasets(file).items():
        for attribute in ("units", "long_name"):
            assert dataset.attrs[attribute], (name, attribute)
        if h5py.h5ds.is_scale(dataset.id):
            continue
        group = "/volatile/" if name.startswith("volatile/") else "/"
        for axis in range(dataset.ndim):
            assert len(dataset.dims[axis]) == 1, name
            scale = dataset.dims[axis][0]
            assert scale.name.rsplit("/", 1)[0] + "/" == group, (name, scale.name)
            assert len(scale) == dataset.shape[axis], (name, scale.name)
        if group == "/" and dataset.ndim > 0:
            assert dataset.dims[0][0].name == "/run", name
    references = [file[row[0]].name for dataset in file.values()
                  if isinstance(dataset, h5py.Dataset)
                  for row in dataset.attrs.get("REFERENCE_LIST", [])]
    assert references and not [name for name in references if name.startswith("/volatile")]


def test_coordinates(file):
    assert list(file["run"]) == [0]
    assert list(file["episode"]) == list(range(1, 31))
    assert list(file["log"]) == [10, 20, 30]
    assert list(file["snapshot"]) == [10, 20, 30]
    assert list(file["evaluation"]) == [15, 30]
    assert list(file["actor"]) == list(range(10))
    assert list(file["actor_byte"]) == [0, 1]
    assert list(file["action"]) == [b"offload", b"compute", b"transmit"]
    edges = file["bin"][:]
    assert len(edges) == 60 and edges[0] == -np.inf and (np.diff(edges) > 0).all()
    assert np.allclose(edges[1:], -edges[:0:-1]) and edges[30] == 0
    assert (file["actor_lr"][0], file["critic_lr"][0], file["seed"][0]) == (0.1, 0.01, 7)
    extents = {name: file[f"extent_{name}"][0] for name in ("episode", "log", "actor")}
    assert extents == {"episode": 30, "log": 3, "actor": 10}


def test_provenance(file, path):
    assert file["spec"][()].decode() == SPEC
    settings = file["settings"][()].decode()
    assert "actor_lr: 0.1\n" in settings and "seed: 7\n" in settings
    again = path.parent / "again.yaml"
    again.write_text(settings, encoding="utf-8")
    assert train(path.parent / "again.h5", again).returncode == 0
    for key in ("title", "program", "version", "revision", "compiler", "flags", "libraries",
                "event_times"):
        assert file.attrs[key], key
    assert file.attrs["schema_version"] == 3 and file.attrs["algorithm_version"] >= 1


def test_flags_have_meanings(file):
    for name, words in (("outcome", b"pending stopped censored diverged failed quarantined "
                                    b"interrupted"),
                        ("run_cause", b"none nan critic_dead tanh_hard actor_dead mixed"),
                        ("cause", b"none nan critic_dead tanh_hard actor_dead mixed")):
        assert file[name].attrs["flag_meanings"] == words
        assert list(file[name].attrs["flag_values"]) == list(range(len(words.split())))


def test_what_was_never_written_is_not_zero(file):
    """Floating-point numbers are NaN, whole numbers -1; 0 where that means "not yet"."""
    fills = {name: dataset.fillvalue for name, dataset in datasets(file).items()}
    for field in ("reward", "critic_loss", "actor_update", "volatile/start", "volatile/wall_s"):
        assert np.isnan(fills[field]), field
    for field in ("first_still", "stopping_episode", "preactivation_histogram",
                  "volatile/progress_episode"):
        assert fills[field] == -1, field
    for field in ("outcome", "commit", "actor_moving", "volatile/attempts"):
        assert fills[field] == 0, field
    assert np.isnan(file["critic_loss"][0, 0]) and not np.isnan(file["reward"][:]).any()


@pytest.mark.parametrize("group", [None, "/volatile"])
def test_xarray_opens_it(path, group):
    with xarray.open_dataset(path, engine="h5netcdf", group=group) as data:
        data.load()
        for name, variable in data.variables.items():
            for dimension in variable.dims:
                assert dimension in data.coords, (name, dimension)
                assert not dimension.startswith("phony"), name
        if group is None:
            assert {"actor_lr", "critic_lr", "seed"} <= set(data.coords)
            assert data.reward.dims == ("run", "episode")
            assert data.actor_layer_grad_own.dims == ("run", "log", "actor", "layer")
            assert data.reward.sel(episode=30).item() == data.reward.values[0, 29]
        else:
            assert data.attempts.item() == 1 and data.wall_s.item() > 0
            assert data.host.item() and data.cpu_level.item()
            assert data.end.item() >= data.start.item() > 1.6e9
            assert data.progress_episode.item() == 30


def test_h5dump_shows_it(path):
    done = subprocess.run(["h5dump", path], capture_output=True, check=False)
    assert done.returncode == 0 and b"DATASET \"reward\"" in done.stdout


def test_the_same_again_differs_in_volatile_only(path, tmp_path):
    other = tmp_path / "other.h5"
    assert train(other, path.parent / "spec.yaml").returncode == 0
    assert_same_results(path, other)
    assert path.read_bytes() != other.read_bytes()


def test_it_is_read_while_it_is_written(tmp_path):
    """At any instant it opens, with the settings of HDF5 that lock and those that do not."""
    output = tmp_path / "run.h5"
    sets = [word for key in SMALL for word in ("--set", key)]
    with subprocess.Popen([PROGRAM, "train", *SETTINGS, *sets, "--episodes", "20000", "--set",
                           "training.episodes_after_stop=20000", "-o", output],
                          stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
        reads, outcomes = 0, set()
        while running.poll() is None:
            if not output.exists():
                time.sleep(0.001)
                continue
            with h5py.File(output, "r", locking=(True, False, "best-effort")[reads % 3]) as file:
                committed = bytes(file["commit"][0]) != bytes(64)
                outcome = int(file["outcome"][0])
                assert outcome != 0 or not committed
                outcomes.add(outcome)
                reads += 1
                time.sleep(0.01)
    assert running.returncode == 0
    assert reads > 5 and 0 in outcomes
    with h5py.File(output, "r") as file:
        assert file["outcome"][0] in (1, 2)
