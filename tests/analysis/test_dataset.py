# SPDX-License-Identifier: MIT
"""open(): a sweep as an xarray Dataset, compared with what h5py reads of the same file."""
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import synthetic
import xarray
from aggregate_case import SMALL
from hostile_case import path
from program import run as program
from sweep_case import SOURCE

sys.path.insert(0, str(SOURCE / "analysis"))

import ccmsweep_analysis as ours  # noqa: E402

__all__ = ["path"]

CHOICES = """\
  - {networks.squash: [tanh, softsign], environment.agents: [3], seed: 1-2}
  - {networks.squash: [tanh], environment.agents: [5], environment.seed: [none, 20240101], seed: [3]}
"""
LABELS = """\
  - {label: published, seed: 1-2}
  - {label: 10, clip_actor: [1], seed: 1-2}
  - {label: '-x.y_', zero_gradient: [skip], networks.squash: [softsign], seed: 1-2}
"""


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """Six runs with three labels, one like a number and one in quotes in the file's settings."""
    made = synthetic.make(tmp_path_factory.mktemp("labelled"),
                          SMALL % (400, 3, LABELS))
    synthetic.fill(made, [synthetic.STOPPED, synthetic.CENSORED] * 3)
    return made


@pytest.fixture(scope="module")
def every_state(tmp_path_factory):
    """48 runs in every state."""
    made = synthetic.make(tmp_path_factory.mktemp("every"), SMALL % (
        400, 3, "  actor_lr: [0.1, 0.001]\n  critic_lr: [0.01, 0.001, 0.0001]\n  seed: 1-8\n"))
    synthetic.fill_with_every_state(made)
    return made


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Choices, settings that are none, and runs with 3 and with 5 actors, some of which move."""
    spec = SMALL % (400, 3, CHOICES)
    made = synthetic.make(tmp_path_factory.mktemp("mixed"),
                          spec.replace("environment: {agents: 3}\n", ""))
    rng = np.random.default_rng(5)
    with h5py.File(made, "r+") as file:
        for name in ("actor_moving", "critic_moving"):
            file[name][:] = rng.integers(0, 2, file[name].shape)
    synthetic.fill(made, [synthetic.STOPPED, synthetic.CENSORED] * 3)
    return made


def done_in(file):
    return np.flatnonzero(np.isin(file["outcome"][:], (1, 2, 3)))


def same(got, expected):
    got, expected = np.asarray(got), np.asarray(expected)
    return got.shape == expected.shape and np.array_equal(got, expected, equal_nan=True)


# Finished runs


def test_all_that_is_in_the_file(path):
    """Each variable has the numbers, dimensions, unit and name of the file's, -1 missing."""
    with h5py.File(path) as file, ours.open(path) as data:
        here = {name for name, item in file.items() if isinstance(item, h5py.Dataset)}
        assert here - set(data.variables) == {"commit", "commit_byte", "identity", "identity_byte",
                                              "actor_byte"}
        assert set(data.variables) - here == {"finished", "damaged"}
        for name in here & set(data.data_vars) - {"actor_moving", "critic_moving"}:
            item, got = file[name], data[name]
            assert got.attrs["long_name"].encode() == item.attrs["long_name"]
            assert got.attrs["units"].encode() == item.attrs["units"]
            assert got.dims == tuple(item.dims[axis][0].name[1:] for axis in range(item.ndim))
            if item.dtype.kind in "fi" and "flag_meanings" not in item.attrs:
                values = item[:].astype(float) if item.dtype.kind == "i" else item[:]
                assert same(got.values, np.where(values == -1, np.nan, values) if
                            item.fillvalue == -1 else values), name
        assert data.spec.item().startswith("training: ")
        assert data.attrs["program"] == "ccmsweep" and data.attrs["schema_version"] == 3


def test_coordinates(path):
    with h5py.File(path) as file, ours.open(path) as data:
        assert set(data.coords) == {"run", "actor_lr", "critic_lr", "seed", "episode", "log",
                                    "evaluation", "actor", "action", "layer", "hidden", "bin",
                                    "detection", "finished", "damaged"} & (
                                        set(file) | {"finished", "damaged"})
        for name in ("actor_lr", "critic_lr", "seed"):
            assert data[name].dims == ("run",) and same(data[name].values, file[name][:])
        assert data.seed.dtype == np.int64 and data.actor_lr.attrs["setting"] == "training.actor_lr"
        assert data.action.values.tolist() == ["offload", "compute", "transmit"]
        chosen = data.set_index(run=["actor_lr", "critic_lr", "seed"])
        run, = np.flatnonzero((file["actor_lr"][:] == 0.1) & (file["critic_lr"][:] == 0.001)
                              & (file["seed"][:] == 2))
        assert same(chosen.reward.sel(actor_lr=0.1, critic_lr=0.001, seed=2).values,
                    file["reward"][run])
        assert data.reward.sel(run=3, episode=7).item() == file["reward"][3, 6]
        assert data.finished.values.all() and not data.damaged.values.any()


@pytest.mark.parametrize("key", [
    {"run": 3}, {"run": [-1, 2, 2]}, {"run": slice(None, None, -3)}, {"run": []},
    {"episode": slice(None, None, -7)}, {"episode": slice(100, 3, -1), "run": 1},
    {"run": [5, 0], "episode": [9, -1, 0]}, {"run": np.arange(8) % 3 == 0, "episode": 4},
    {"run": xarray.DataArray([0, 5], dims="pick"), "episode": xarray.DataArray([3, 1], dims="pick")}])
def test_selections(path, key):
    """Whatever is selected while nothing is read is what NumPy selects of all of it."""
    with h5py.File(path) as file, ours.open(path) as data:
        rewards = xarray.DataArray(file["reward"][:], dims=("run", "episode"))
        assert same(data.reward.isel(key).values, rewards.isel(key).values)
        twice = data.reward[::-1, 1::2].isel(run=slice(1, None, 2))
        assert same(twice.values, file["reward"][:][::-1, 1::2][1::2])


def test_words_and_moving(mixed):
    with h5py.File(mixed) as file, ours.open(mixed) as data:
        names = file["cause"].attrs["flag_meanings"].decode().split()
        assert data.cause.dtype == object and data.outcome.values.tolist() == ["stopped", "censored"] * 3
        squash = data.networks_squash.values.tolist()
        assert squash == ["tanh", "tanh", "softsign", "softsign", "tanh", "tanh"]
        assert data.environment_agents.values.tolist() == [3, 3, 3, 3, 5, 5]
        seeds = data.environment_seed.values
        assert sorted(seeds[~np.isnan(seeds)].tolist()) == [20240101] and np.isnan(seeds).sum() == 5
        bits = np.unpackbits(file["actor_moving"][:], axis=2, bitorder="little")
        assert data.actor_moving.dims == ("run", "episode", "actor")
        for run in range(6):
            total, actors = int(file["total_episodes"][run]), int(file["extent_actor"][run])
            assert data.cause.values[run, :actors].tolist() == [
                names[number] for number in file["cause"][run, :actors]]
            moving = data.actor_moving.isel(run=run).values
            assert same(moving[:total, :actors], bits[run, :total, :actors].astype(float))
            assert np.isnan(moving[total:]).all() and np.isnan(moving[:, actors:]).all()
            critic = data.critic_moving.isel(run=run).values
            assert same(critic[:total], file["critic_moving"][run, :total].astype(float))
            assert np.isnan(critic[total:]).all()
        some = data.actor_moving.isel(run=[4, 0], episode=[50, 3], actor=[4, 1])
        assert same(some.values, data.actor_moving.values[np.ix_([4, 0], [50, 3], [4, 1])])
        assert data.actor_moving.isel(run=4, episode=3, actor=1).item() in (0, 1)


# Runs that are not finished


def test_what_is_not_finished_is_left_out(every_state):
    with h5py.File(every_state) as file, ours.open(every_state) as data:
        done = done_in(file)
        assert 0 < len(done) < len(file["run"]) and data.run.values.tolist() == done.tolist()
        assert same(data.reward.values, file["reward"][:][done])
        assert same(data.seed.values, file["seed"][:][done]) and data.finished.values.all()
        last = data.reward.isel(run=[-1, 0]).values
        assert same(last, file["reward"][:][done[[-1, 0]]])


def test_unfinished_runs_have_no_rows(every_state, tmp_path):
    """Not even those that are half written at this moment."""
    shutil.copy(every_state, tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        waiting = np.setdiff1d(np.arange(len(file["run"])), done_in(file))
        file["reward"][waiting[0]] = 5.0
        file["first_still"][waiting[0]] = 7
        outcome = file["outcome"][:]
    with ours.open(tmp_path / "s.h5", unfinished=True) as data:
        assert data.sizes["run"] == 48
        assert np.flatnonzero(~data.finished.values).tolist() == waiting.tolist()
        assert np.isnan(data.reward.values[waiting]).all()
        assert np.isnan(data.first_still.values[waiting]).all()
        assert data.actor_moving.isel(run=waiting).isnull().all()
        assert data.cause.isel(run=waiting).isnull().all()
        assert data.stopping_episode.isel(run=waiting).isnull().all()
        words = ["pending", "stopped", "censored", "diverged", "failed", "quarantined",
                 "interrupted"]
        assert data.outcome.values.tolist() == [words[number] for number in outcome]
        assert not data.damaged.values.any()


# Damaged runs


@pytest.fixture
def damaged(path, tmp_path):
    shutil.copy(path, tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file["gradient_zero"][2] = 0
        file["reward"][5, 3] += 1
    return tmp_path / "s.h5"


def opened(path, **how):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with ours.open(path, **how) as data:
            return data.run.values.tolist(), data.damaged.values.tolist(), [
                (one.category, str(one.message)) for one in said]


def test_damaged_runs_are_left_out(damaged):
    runs, _, said = opened(damaged)
    assert runs == [0, 1, 3, 4, 5, 6, 7]
    assert said == [(ours.Damaged, f"{damaged}: run 2 is damaged and is left out: its gradient_zero "
                                   "cannot be")]
    runs, bad, said = opened(damaged, damaged=True)
    assert (runs, said) == (list(range(8)), []) and bad == [run == 2 for run in range(8)]


def test_checksums_are_compared_when_asked(damaged):
    runs, _, said = opened(damaged, verify=True)
    assert runs == [0, 1, 3, 4, 6, 7] and len(said) == 2
    assert said[1][1] == (f"{damaged}: run 5 is damaged and is left out: its rows are not those "
                          "that were committed") or "run 5" in said[0][1]
    assert opened(damaged, verify=True, damaged=True)[1] == [run in (2, 5) for run in range(8)]


# Words of the file


def changed(path, folder, change):
    shutil.copy(path, folder / "s.h5")
    with h5py.File(folder / "s.h5", "r+") as file:
        change(file)
    return folder / "s.h5"


def meaning(name, words, numbers=None):
    """Gives a dataset other flag_meanings, and flag_values where there are any; None: none."""
    def change(file):
        about = file[name].attrs
        del about["flag_meanings"]
        if words is not None:
            about["flag_meanings"] = words if isinstance(words, str) else np.bytes_(words)
        if numbers is not None:
            del about["flag_values"]
            about["flag_values"] = numbers
    return change


def without_flags(name):
    def change(file):
        del file[name].attrs["flag_meanings"], file[name].attrs["flag_values"]
    return change


def put(name, place, value):
    def change(file):
        file[name][place] = value
    return change


def without(name):
    def change(file):
        del file[name]
    return change


def of_type(name, values):
    def change(file):
        about = dict(file[name].attrs)
        del file[name]
        file[name] = values
        for key in ("flag_values", "flag_meanings"):
            file[name].attrs[key] = about[key]
    return change


def test_labels_are_those_of_the_spec(labelled):
    with ours.open(labelled) as data:
        assert data.label.values.tolist() == ["published"] * 2 + ["10"] * 2 + ["-x.y_"] * 2
        assert data.networks_squash.values.tolist() == ["tanh"] * 4 + ["softsign"] * 2


def test_one_label_is_that_of_the_spec(tmp_path):
    made = synthetic.make(tmp_path, SMALL % (400, 3, "  label: _a\n  seed: 1-2\n"))
    synthetic.fill(made, [synthetic.STOPPED] * 2)
    with ours.open(made) as data:
        assert data.label.values.tolist() == ["_a"] * 2
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(ours.Unreadable, match=r"label has .* \(b\); expected _a$"):
        ours.open(changed(made, other, meaning("label", b"b")))


PERMUTED = meaning("label", b"-x.y_ published 10")
ENDS = b"pending stopped censored diverged failed quarantined interrupted"
NOT_THOSE = r"label has flag_meanings that are not the labels in the file's settings "
MARKS = r" in its flag_meanings; expected words of 1 to 64 letters, digits, '\.', '-' and '_'$"
WORDS = [
    (PERMUTED, NOT_THOSE + r"\(-x.y_ published 10\); expected published 10 -x.y_$"),
    (meaning("label", b"published 10 other"), NOT_THOSE),
    (meaning("label", b"published 10", np.arange(2)), NOT_THOSE),
    (meaning("label", b"published 10 -x.y_ more", np.arange(4)), NOT_THOSE),
    (meaning("label", b"published <b>x</b> -x.y_"), "label has the word '<b>x</b>'" + MARKS),
    (meaning("label", b"published \x1b[31m -x.y_"), r"label has the word '\\x1b\[31m'" + MARKS),
    (meaning("label", b"published 1\x000 -x.y_"), r"label has the word '1\\x000'" + MARKS),
    (meaning("label", b"published \xff -x.y_"), r"label has the word '\\xff'" + MARKS),
    (meaning("label", b"published  -x.y_"), "label has the word ''" + MARKS),
    (meaning("label", b"published " + b"x" * 65 + b" -x.y_"), "label has the word 'x{65}'" + MARKS),
    (meaning("label", b"published 10 10"), "label has the word 10 twice in its flag_meanings"),
    (meaning("label", "published 10 -x.y_"), "label has odd flag_meanings; expected the words"),
    (meaning("label", h5py.Empty("S4")), "label has "),
    (meaning("label", b"published 10 -x.y_", 3), "label has flag_values that are not those of its 3 "
     "flag_meanings; expected the numbers from 0 to 2$"),
    (meaning("label", b"published 10 -x.y_", [1, 2, 3]), "expected the numbers from 0 to 2$"),
    (meaning("label", b"published 10 -x.y_", [0, 1]), "expected the numbers from 0 to 2$"),
    (meaning("label", None), "label has no flag_meanings; expected the words"),
    (without_flags("label"), "label has no flag_meanings; expected the words"),
    (without("label"), r"label is missing or damaged \(.*doesn't exist\)\)$"),
    (put("label", 3, 77), "label has 77 for run 3; expected a number from 0 to 2, "),
    (put("label", 3, -1), "label has -1 for run 3; expected a number from 0 to 2, "),
    (of_type("label", np.zeros(6)), "label has values of the type float64; expected whole numbers"),
    (without_flags("networks_squash"), "networks_squash has no flag_meanings"),
    (put("networks_squash", 5, 9), "networks_squash has 9 for run 5; expected a number from 0 to "),
    (meaning("networks_squash", b"tanh soft;sign inverting"), "networks_squash has the word 'soft;"),
    (meaning("outcome", ENDS[:15]), "outcome has flag_values that are not those of its 2 "),
    (meaning("outcome", ENDS[:15], [0, 1]), "outcome has no word for 2 in .* expected censored$"),
    (meaning("outcome", ENDS.replace(b"stopped censored", b"censored stopped")),
     "outcome has censored for 1 in its flag_meanings; expected stopped$"),
    (meaning("outcome", None), "outcome has no flag_meanings"),
    (without_flags("cause"), "cause has no flag_meanings"),
    (without_flags("run_cause"), "run_cause has no flag_meanings"),
    (meaning("cause", b"none nan"), "cause has flag_values that are not those of its 2 ")]


@pytest.mark.parametrize("change, sentence", WORDS)
def test_words_that_the_program_did_not_write_are_refused(labelled, tmp_path, change, sentence):
    bad = changed(labelled, tmp_path, change)
    with warnings.catch_warnings(), pytest.raises(ours.Unreadable, match=sentence) as refused:
        warnings.simplefilter("error")  # it is refused before anything is said of its runs
        ours.open(bad)
    said = str(refused.value)
    assert said.startswith(f"{bad}: ") and said.isprintable()


def test_the_program_refuses_permuted_labels_too(labelled, tmp_path):
    assert program("aggregate", labelled, "--bootstrap", "40").returncode == 0
    assert program("aggregate", changed(labelled, tmp_path, PERMUTED)).returncode == 2


@pytest.mark.parametrize("name", ["settings", "spec", "label", "actor_lr", "outcome"])
def test_another_type_is_said_in_the_words_of_the_file(labelled, tmp_path, name):
    def change(file):
        if name in file:
            del file[name]
        file[name] = 7
    with pytest.raises(ours.Unreadable) as refused:
        ours.open(changed(labelled, tmp_path, change))
    assert not [word for word in ("attribute '", "' object", "iterable", "subscript", "argument")
                if word in str(refused.value)]


@pytest.mark.parametrize("name, place, value", [
    ("outcome", 2, 77), ("outcome", 2, -1), ("cause", (2, 1), 9), ("run_cause", 2, 6),
    ("run_cause", 2, -2)])
def test_unfamiliar_numbers_are_damage(labelled, tmp_path, name, place, value):
    bad = changed(labelled, tmp_path, put(name, place, value))
    runs, _, said = opened(bad)
    assert runs == [0, 1, 3, 4, 5]
    assert said == [(ours.Damaged, f"{bad}: run 2 is damaged and is left out: its {name} cannot be")]
    assert opened(bad, damaged=True)[1] == [run == 2 for run in range(6)]
    assert opened(bad, unfinished=True)[0] == [0, 1, 3, 4, 5]


def test_numbers_that_become_unfamiliar_are_refused(labelled, tmp_path):
    """Rows are read when they are asked for: the file can be another one then."""
    bad = changed(labelled, tmp_path, lambda file: None)
    with ours.open(bad) as data:
        with h5py.File(bad, "r+") as file:
            file["cause"][3, 1] = 9
        assert data.cause.isel(run=[0, 1, 2]).notnull().all()
        with pytest.raises(ours.Unreadable, match="cause is 9 in run 3; expected a number from 0 to"):
            data.cause.load()


# What is read


def bytes_read():
    """What this process has asked the system to read so far, with some hundred to know it."""
    return int(Path("/proc/self/io").read_text().split()[1])


def test_ten_thousand_runs_are_not_read(tmp_path):
    made = synthetic.make(tmp_path, SMALL % (
        400, 5, "  actor_lr: {logspace: [1.0e-4, 0.1], count: 20}\n  seed: 1-500\n"))
    synthetic.fill(made, [synthetic.STOPPED, synthetic.CENSORED] * 5000)
    size = made.stat().st_size
    start = bytes_read()
    with ours.open(made) as data:
        assert data.sizes["run"] == 10000
        opening = bytes_read() - start
        assert opening < 6e6 < size / 25, (opening, size)
        start = bytes_read()
        row = data.reward.isel(run=7777)
        assert bytes_read() - start < 1000
        row.load()
        assert 400 * 8 <= bytes_read() - start < 200e3  # what describes the file is read again
        start = bytes_read()
        data.reward.isel(run=77).load()
        assert 400 * 8 <= bytes_read() - start < 80e3  # HDF5 reads 64 KB at once
        start = bytes_read()
        part = data.where(data.seed == 3, drop=True).first_still
        assert part.shape == (20, 5)
    with h5py.File(made) as file:
        assert same(part.values, np.where(file["first_still"][2::500] == -1, np.nan,
                                          file["first_still"][2::500]))
    made.unlink()


# What is no sweep


def garbage(folder):
    (folder / "a b.h5").write_bytes(b"x" * 4096)
    return "a b.h5", "is damaged"


def other(folder):
    with h5py.File(folder / "o.h5", "w") as file:
        file["x"] = 1
    return "o.h5", "the attribute schema_version is missing"


def absent(folder):
    return "not there.h5", "No such file or directory, expected the file of a sweep"


def directory(folder):
    (folder / "d.h5").mkdir()
    return "d.h5", "Is a directory, expected the file of a sweep"


def newer(folder):
    with h5py.File(folder / "n.h5", "w") as file:
        file.attrs["schema_version"] = 99
    return "n.h5", "version 99 of the file's form; expected 3"


def pipe(folder):
    os.mkfifo(folder / "p.h5")
    return "p.h5", "no plain file, expected the file of a sweep"


@pytest.mark.parametrize("make", [garbage, other, absent, directory, newer, pipe])
def test_what_is_no_sweep_is_one_sentence(tmp_path, make):
    name, words = make(tmp_path)
    with pytest.raises(ours.Unreadable, match=words) as refused:
        ours.open(tmp_path / name)
    assert str(refused.value).startswith(f"{tmp_path / name}: ") and "\n" not in str(refused.value)


@pytest.mark.parametrize("value", [h5py.Empty("i4"), np.zeros(3), b"x"])
def test_damaged_dimensions_are_one_sentence(path, tmp_path, value):
    """HDF5's own call for the scales of a dataset crashes on such an attribute."""
    shutil.copy(path, tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        del file["reward"].attrs["DIMENSION_LIST"]
        file["reward"].attrs["DIMENSION_LIST"] = value
    done = subprocess.run([sys.executable, "-c", "import sys, ccmsweep_analysis as ours\n"
                           "try: ours.open(sys.argv[1])\n"
                           "except ours.Unreadable as error: print(error)\n", tmp_path / "s.h5"],
                          capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis")})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{tmp_path / 's.h5'}: reward is missing or damaged (")
    assert " writes)" in done.stdout or "'x' doesn't exist" in done.stdout


@pytest.mark.parametrize("name", ["größe α b.h5", b"\xf6 \n'\".h5", "-o.h5"])
def test_any_name(path, tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    name = os.fsdecode(name)
    shutil.copy(path, tmp_path / name)
    with h5py.File(path) as file, ours.open(name) as data, ours.open(Path(name)) as again:
        assert same(data.reward.values, file["reward"][:]) and again.sizes == data.sizes
    assert ours.aggregate(name, bootstrap=40, permutations=99).json["runs"] == 8


def test_what_is_missing_is_named(path, tmp_path):
    """Without a library: a sentence with Debian's package, and the other calls work."""
    for name in ("xarray", "pandas"):
        (tmp_path / f"{name}.py").write_text(f"raise ModuleNotFoundError('x', name='{name}')\n")
    code = ("import sys, ccmsweep_analysis as ours\n"
            "try: ours.open(sys.argv[1])\n"
            "except ImportError as error: print(error)\n"
            "estimates = ours.aggregate(sys.argv[1], bootstrap=40, permutations=99)\n"
            "print(ours.figure('survival', estimates).get_label().split(chr(10))[0])\n"
            "try: estimates.configurations\n"
            "except ImportError as error: print(error)\n")
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHONPATH": f"{tmp_path}:{SOURCE}/analysis"})
    assert done.stderr == ""
    first, title, last = done.stdout.splitlines()
    assert first == (f"ccmsweep_analysis.open: {sys.executable} has no xarray; expected a Python "
                     "that has it, on Debian by the package python3-xarray")
    assert title.startswith("Share of runs") and "python3-pandas" in last


def test_importing_it_changes_nothing():
    """The search path, the environment and Matplotlib stay the user's, and nothing is imported."""
    code = ("import os, sys\nimport matplotlib\nmatplotlib.rcParams['lines.linewidth'] = 30\n"
            "before = sys.path[:], dict(os.environ), dict(matplotlib.rcParams), set(sys.modules)\n"
            "import ccmsweep_analysis\nassert not {'h5py', 'numpy.fft', 'xarray'} & "
            "(set(sys.modules) - before[3])\n"
            "ccmsweep_analysis.figure_names()\n"
            "assert before[:3] == (sys.path, dict(os.environ), dict(matplotlib.rcParams))\n")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False,
                          env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis"),
                               "HDF5_USE_FILE_LOCKING": "FALSE"})  # which it would set
    assert (done.returncode, done.stderr) == (0, "")
