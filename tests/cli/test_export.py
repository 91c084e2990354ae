# SPDX-License-Identifier: MIT
"""Exports: every value of the tables and of the study's files against the HDF5 file."""
import csv
import json
import math
import os
import resource
import signal

import h5py
import numpy as np
import pytest
from program import listing, run
from sweep_case import needs_faults, sweep, write_spec

SPEC = """\
training: {batch: 16, episodes_after_stop: 200}
networks: {critic_hidden1: 32, critic_hidden2: 16}
environment: {agents: 3}
tracking: {log_every: 10, snapshot_every: 100}
evaluation: {every: 100, episodes: 2}
grid:
  actor_lr: [0.1, 0.00001]
  seed: [1, 2]
  training.episodes: [300, 430]
"""
RUNS = 8
TABLES = ["runs", "actors", "logs", "episodes", "evaluations", "actor_logs", "histograms"]
# The keys of the published study's files, nested.
RESULTS = ["actor_lr", "critic_lr", "stopping_episode", "total_episodes", "all_rewards",
           "final_reward", "per_actor_stopped"]
TRACKING = {
    "gradient_history": ["episode", "actor_grad", "critic_grad", "actor_per_layer",
                         "critic_per_layer"],
    "asymmetry_history": ["episode", "ratio", "actor_grad", "critic_grad"],
    "activation_history": ["episode", "mean_preact", "std_preact", "min_preact", "max_preact",
                           "avg_actor_output_saturation", "actor_activations_sample"]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    write_spec(folder, SPEC)
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=folder)
    assert done.returncode == 0, done.stderr
    done = run("export", "s.h5", "all", "--tables", "all", cwd=folder)
    assert done.returncode == 0 and done.stdout == "all: 8 runs exported\n", done.stderr
    done = run("export", "s.h5", "study", "--original", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def read(path):
    with open(path, encoding="ascii", newline="") as file:
        return list(csv.DictReader(file))


def names_of(dataset):
    """Names of the values of an outcome or a cause."""
    return str(dataset.attrs["flag_meanings"], "ascii").split()


def expected(dataset, value):
    """How a value of a dataset stands in a table."""
    if dataset.dtype.kind == "f":
        return "" if math.isnan(value) else float(value)
    if "flag_meanings" in dataset.attrs:
        return names_of(dataset)[value]
    return "" if value < 0 else float(value)


def assert_column(rows, column, dataset, values):
    for row, value in zip(rows, values, strict=True):
        wanted = expected(dataset, value)
        found = row[column]
        if not isinstance(wanted, str):
            found = float(np.float32(found)) if dataset.dtype == np.float32 else float(found)
        assert found == wanted, (column, row, value)


LABELS = {"layer": ["fc1", "fc2", "fc3"], "hidden": ["h1", "h2"],
          "action": ["offload", "compute", "transmit"],
          "detection": ["saturated", "vanished", "asymmetry"]}
INDEX = {"runs": (), "actors": ("actor",), "logs": ("log",), "episodes": ("episode",),
         "evaluations": ("evaluation",), "actor_logs": ("log", "actor"),
         "histograms": ("snapshot", "action", "bin")}
TIMES = {"log": 10, "episode": 1, "evaluation": 100, "snapshot": 100}


def fields_of(file, table):
    """The datasets of a table: name, dataset, name of its labels or None."""
    for name, dataset in file.items():
        if not isinstance(dataset, h5py.Dataset) or dataset.ndim == 0:
            continue
        dims = [dataset.dims[d][0].name[1:] if len(dataset.dims[d]) else "?"
                for d in range(dataset.ndim)]
        if dims[0] != "run" or name in ("run", "commit", "identity") or name.startswith("extent"):
            continue
        rest = tuple(dims[1:])
        if rest == INDEX[table]:
            yield name, dataset, None
        elif rest[:-1] == INDEX[table] and rest[-1:] and rest[-1] in LABELS:
            yield name, dataset, rest[-1]


@pytest.mark.parametrize("table", TABLES)
def test_every_value(table, folder):
    rows = read(folder / f"all/{table}.csv")
    by_run = {run_: [row for row in rows if row["run"] == str(run_)] for run_ in range(RUNS)}
    columns = {"run", *({"episode", "actor", "action", "bin"} & rows[0].keys())}
    with h5py.File(folder / "s.h5") as file:
        for number in range(RUNS):
            total = file["total_episodes"][number]
            actors = file["extent_actor"][number] if "extent_actor" in file else 3
            for name, dataset, labels in fields_of(file, table):
                values = dataset[number]
                if table == "actors" or table == "actor_logs":
                    axis = 0 if table == "actors" else 1
                    values = values.take(range(actors), axis)
                if INDEX[table] and INDEX[table][0] in TIMES:
                    values = values[:total // TIMES[INDEX[table][0]]]
                if name in ("actor_lr", "critic_lr", "seed", "training_episodes"):
                    columns.add(name)
                    assert_column(by_run[number], name, dataset, [values])
                    continue
                for place, label in enumerate(LABELS.get(labels, [None])):
                    column = name if label is None else f"{name}_{label}"
                    columns.add(column)
                    part = values if label is None else values[..., place]
                    assert_column(by_run[number], column, dataset, np.ravel(part))
    extra = {"state", "study_name", "wall_s", "attempts",
             *(f"extent_{name}" for name in ("episode", "log", "snapshot", "evaluation", "actor"))}
    assert rows[0].keys() - columns <= extra if table == "runs" else rows[0].keys() == columns
    assert len(columns) > 3


def test_fields_of_some_cells(tmp_path):
    """What only some cells have is a column of all, empty for the others; without such cells there
    is none."""
    columns = ["actor_grad_before_clip", "actor_grad_after_clip", "actors_clipped"]
    write_spec(tmp_path, SPEC.replace("seed: [1, 2]", "training.clip_actor: [none, 1]"))
    for words in (["--set", "training.clip_actor=none"], []):
        done = run("run", "s.yaml", "-o", f"{len(words)}.h5", *words, "--progress", "none",
                   cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        done = run("export", f"{len(words)}.h5", f"{len(words)}", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert not set(columns) & read(tmp_path / "2/logs.csv")[0].keys()
    with h5py.File(tmp_path / "0.h5") as file:
        assert "critic_grad_before_clip" not in file
        clipped = file["clip_actor"][...]
        for row in read(tmp_path / "0/logs.csv"):
            number, log = int(row["run"]), int(row["episode"]) // 10 - 1
            for column in columns:
                value = file[column][number, log]
                assert math.isnan(value) == math.isnan(clipped[number])
                assert row[column] == "" if math.isnan(value) else float(row[column]) == value
            if not math.isnan(clipped[number]):
                assert file["actor_grad_after_clip"][number, log] <= 1.000001
        assert not [name for name in file if name.startswith(("squash_input", "actor_norm_"))]
    done = run("run", "s.yaml", "-o", "new.h5", "--reuse", "0.h5", "--progress", "none",
               cwd=tmp_path)
    assert done.returncode == 0 and "8 runs copied" in done.stderr, done.stderr


def test_fields_of_normalised_actors(tmp_path):
    """What is in front of the norm of the outputs has the columns of the study, what the tanh sees
    has its own; actors without a norm leave them empty."""
    write_spec(tmp_path, SPEC.replace("seed: [1, 2]",
                                      "networks.actor_norm: [none, output, hidden]"))
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("export", "s.h5", "s", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    norm_of = {row["run"]: row["networks_actor_norm"] for row in read(tmp_path / "s/runs.csv")}
    assert set(norm_of.values()) == {"none", "output", "hidden"}
    for row in read(tmp_path / "s/logs.csv"):
        norm = norm_of[row["run"]]
        for column, where in (("squash_input_mean", "output"), ("actor_norm_z_beta", "output"),
                              ("actor_norm_h1_gamma", "hidden"),
                              ("actor_norm_h2_grad_own", "hidden")):
            assert (row[column] != "") == (norm == where), (column, norm)
        if norm == "output":
            assert float(row["squash_input_std"]) != float(row["preactivation_std"])


def test_statistics_of_inputs(tmp_path):
    """A column for each value of a state, with the statistics of the runs that have them."""
    write_spec(tmp_path, SPEC.replace("seed: [1, 2]", "networks.input_norm: [none, running]"))
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("export", "s.h5", "all", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    inputs = ["power", "gain", "energy", "size", "cycles", "deadline", "resource"]
    with h5py.File(tmp_path / "s.h5") as file:
        assert [name.decode() for name in file["input"][...]] == inputs
        running = file["networks_input_norm"][...] == 2
        assert running.any() and not running.all()
        for row in read(tmp_path / "all/logs.csv"):
            number, log = int(row["run"]), int(row["episode"]) // 10 - 1
            for name in ("input_mean", "input_std"):
                values = file[name][number, log]
                assert np.isnan(values).all() == np.isnan(values).any() != running[number]
                got = [row[f"{name}_{label}"] for label in inputs]
                assert got == [""] * 7 if np.isnan(values).any() else \
                    [float(value) for value in got] == values.tolist()
            assert row["critic_layer_grad_own_fc3"] != ""


def test_index(folder):
    rows = read(folder / "all/actor_logs.csv")
    assert [(row["episode"], row["actor"]) for row in rows[:4]] == [
        ("10", "0"), ("10", "1"), ("10", "2"), ("20", "0")]
    bins = read(folder / "all/histograms.csv")
    assert [row["action"] for row in bins[:61:60]] == ["offload", "compute"]
    with h5py.File(folder / "s.h5") as file:
        assert [float(row["bin"]) for row in bins[:60]] == file["bin"][:].tolist()
    assert [row["episode"] for row in read(folder / "all/evaluations.csv")[:2]] == ["100", "200"]


def test_runs_table(folder):
    rows = read(folder / "all/runs.csv")
    assert [row["state"] for row in rows] == ["done"] * RUNS
    assert {row["extent_episode"] for row in rows} == {"300", "430"}
    assert {row["extent_log"] for row in rows} == {"30", "43"}
    assert all(float(row["wall_s"]) > 0 and row["attempts"] == "1" for row in rows)


def study_folders(path):
    return sorted(name for name in os.listdir(path) if name.startswith("actor_"))


def test_study_layout(folder):
    """A folder a run, numbered for each pair of learning rates, as Python writes those."""
    wanted = [f"actor_{lr}_critic_0.001_run_{k}" for lr in ("0.1", "1e-05") for k in range(4)]
    assert study_folders(folder / "study") == wanted
    status = json.loads((folder / "study/experiment_status.json").read_text())
    assert sorted(status["completed"]) == wanted and status["in_progress"] is None
    assert [row["study_name"] for row in read(folder / "all/runs.csv")] == status["completed"]
    assert listing(folder / "study") == sorted(
        ["experiment_status.json", *wanted, *(f"{name}/{file}" for name in wanted
                                              for file in ("results.json", "tracking_data.json"))])


def study_runs(folder):
    names = [row["study_name"] for row in read(folder / "all/runs.csv")]
    for number, name in enumerate(names):
        texts = [(folder / f"study/{name}/{file}.json").read_text()
                 for file in ("results", "tracking_data")]
        yield number, [json.loads(text) for text in texts]


def test_study_results(folder):
    censored = 0
    with h5py.File(folder / "s.h5") as file:
        for number, (results, _) in study_runs(folder):
            total = int(file["total_episodes"][number])
            stopping = int(file["stopping_episode"][number])
            still = file["first_still"][number].tolist()
            assert list(results) == RESULTS
            assert results["actor_lr"] == file["actor_lr"][number]
            assert results["critic_lr"] == file["critic_lr"][number]
            assert results["total_episodes"] == total
            assert results["stopping_episode"] == (stopping if stopping > 0 else total)
            assert results["all_rewards"] == file["reward"][number, :total].tolist()
            assert results["final_reward"] == file["reward"][number, total - 1]
            assert results["per_actor_stopped"] == [t if t > 0 else None for t in still]
            censored += None in results["per_actor_stopped"]
    assert 0 < censored < RUNS


def test_study_tracking(folder):
    with h5py.File(folder / "s.h5") as file:
        for number, (_, tracking) in study_runs(folder):
            logs = int(file["total_episodes"][number]) // 10
            assert list(tracking) == list(TRACKING)
            for history, keys in TRACKING.items():
                assert all(list(entry) == keys for entry in tracking[history])
                assert [entry["episode"] for entry in tracking[history]] == [
                    10 * (k + 1) for k in range(logs)]
            for k in range(logs):
                check_log(file, number, k, *(tracking[history][k] for history in TRACKING))


def check_log(file, number, k, gradient, asymmetry, activation):
    actor = file["actor_grad_accumulated"][number, k]
    critic = file["critic_grad_accumulated"][number, k]
    assert (gradient["actor_grad"], gradient["critic_grad"]) == (actor, critic)
    assert (asymmetry["actor_grad"], asymmetry["critic_grad"]) == (actor, critic)
    assert asymmetry["ratio"] == (actor / critic if critic > 1e-10 else math.inf)
    layers = file["actor_layer_grad_accumulated"][number, k].astype(float)
    mean = np.sqrt((layers ** 2).sum(axis=0) / len(layers))
    assert list(gradient["actor_per_layer"]) == ["fc1", "fc2", "fc3"]
    assert np.allclose(list(gradient["actor_per_layer"].values()), mean, rtol=1e-14)
    # Of the layers comes the whole.
    assert np.isclose(np.sqrt((mean ** 2).sum()), actor, rtol=1e-6)
    assert list(gradient["critic_per_layer"].values()) == \
        file["critic_layer_grad_accumulated"][number, k].tolist()
    for key in ("mean", "std", "min", "max"):
        assert activation[f"{key}_preact"] == file[f"preactivation_{key}"][number, k]
    sample = activation["actor_activations_sample"]["fc3"]
    assert list(sample) == ["min", "max", "mean", "saturation"]
    assert activation["avg_actor_output_saturation"] == sample["saturation"] == \
        file["saturation"][number, k]
    assert np.isclose(sample["min"], np.tanh(activation["min_preact"]), rtol=1e-6)
    assert np.isclose(sample["max"], np.tanh(activation["max_preact"]), rtol=1e-6)
    assert math.isnan(sample["mean"])


@pytest.mark.parametrize("seed, episodes", [("training.seed", "training.episodes"),
                                            ("seed", "episodes")])
def test_where(folder, tmp_path, seed, episodes):
    done = run("export", folder / "s.h5", tmp_path / "one", "--original", "--where",
               f"{seed}=2", "--where", f"{episodes}=430")
    assert done.returncode == 0, done.stderr
    assert study_folders(tmp_path / "one") == [
        "actor_0.1_critic_0.001_run_0", "actor_1e-05_critic_0.001_run_0"]
    results = json.loads(
        (tmp_path / "one/actor_1e-05_critic_0.001_run_0/results.json").read_text())
    assert results["total_episodes"] == 430
    for words, told in ((["training.seed=3"], "has training.seed=3, expected one of 1, 2"),
                        (["seed=1", "gamma=0.5"], "has gamma=0.5, expected 0.99"),
                        (["label=a"], "has label=a, as none has a label"),
                        (["seed=1,seed=7"], "has seed=7, expected one of 1, 2"),
                        (["seed=1,actor_lr=0.1", "episodes=7"], "has episodes=7, expected ")):
        none = run("export", folder / "s.h5", tmp_path / "none",
                   *(word for one in words for word in ("--where", one)))
        assert none.returncode == 2
        assert none.stderr.startswith(f"ccmsweep: --where: no run of {folder / 's.h5'} {told}")
        assert not (tmp_path / "none").exists()


def test_default_tables(folder, tmp_path):
    assert run("export", folder / "s.h5", tmp_path / "a").returncode == 0
    assert listing(tmp_path / "a") == ["actors.csv", "episodes.csv", "evaluations.csv",
                                       "logs.csv", "runs.csv"]
    assert run("export", folder / "s.h5", tmp_path / "b", "--tables", "runs,logs").returncode == 0
    assert listing(tmp_path / "b") == ["logs.csv", "runs.csv"]
    for name in listing(tmp_path / "a"):
        assert (tmp_path / "a" / name).read_bytes() == (folder / "all" / name).read_bytes()


def test_unfinished_and_failed(tmp_path):
    """What is there is exported, and what is not is counted."""
    needs_faults()
    write_spec(tmp_path, SPEC)
    codes = [sweep(0, "s.yaml", "-o", "s.h5", "--order", "plan", "--progress", "none",
                   cwd=tmp_path, faults="begin@1=segv").returncode for _ in range(3)]
    assert all(code in (139, -11) for code in codes)
    sweep(0, "s.yaml", "-o", "s.h5", "--order", "plan", "--progress", "none", "--max-failed", "1",
          cwd=tmp_path)
    done = run("export", "s.h5", "out", cwd=tmp_path)
    assert done.stdout == ("out: 1 run exported, 7 left out, which are not finished or have "
                           "failed\n"), done.stderr
    rows = read(tmp_path / "out/runs.csv")
    assert [row["state"] for row in rows[:3]] == ["done", "done", "pending"]
    assert [row["outcome"] for row in rows[1:3]] == ["quarantined", ""]
    assert {row["run"] for row in read(tmp_path / "out/logs.csv")} == {"0"}
    assert {row["run"] for row in read(tmp_path / "out/actors.csv")} == {"0"}


def test_folder_in_use(folder, tmp_path):
    (tmp_path / "x").write_text("x")
    done = run("export", folder / "s.h5", tmp_path)
    assert done.returncode == 2 and f"{tmp_path} is not empty, expected a new one" in done.stderr
    assert listing(tmp_path) == ["x"]
    assert run("export", folder / "s.h5", tmp_path, "--force").returncode == 0
    assert "runs.csv" in listing(tmp_path)
    done = run("export", folder / "s.h5", tmp_path / "x")
    assert done.returncode == 2 and "cannot make the folder" in done.stderr


def test_full_disk_leaves_nothing(folder, tmp_path):
    """No table under its name but whole ones."""
    done = run("export", folder / "s.h5", tmp_path / "out", preexec_fn=limit_file_size)
    assert done.returncode == 1 and "cannot write " in done.stderr, done.stderr
    assert not [name for name in listing(tmp_path / "out") if "tmp" in name]
    for name in listing(tmp_path / "out"):
        assert (tmp_path / "out" / name).read_bytes() == (folder / "all" / name).read_bytes()


def limit_file_size():
    """In a child: files end at 20 kB, and writing more is an error."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))


@pytest.mark.parametrize("words, sentence", [
    (["s.h5"], "expected the file of a sweep and a folder"),
    (["none.h5", "out"], "none.h5"),
    (["s.yaml", "out"], "is not an HDF5 file"),
    (["s.h5", "out", "more"], "too many arguments: 'more'"),
    (["s.h5", "out", "--tables", "run"], "--tables: 'run' is unknown, expected one of runs, "),
    (["s.h5", "out", "--tables", "runs,"], "--tables: '' is unknown"),
    (["s.h5", "out", "--tables", "runs", "--original"], "either --tables or --original"),
    (["s.h5", "out", "--where", "seed"], "--where: 'seed' has no '='"),
    (["s.h5", "out", "--where", "sed=1"], "--where: 'sed' is not a setting, expected one such as "),
    (["s.h5", "out", "--where", "training.seed=x"], "--where: training.seed: 'x'"),
])
def test_refused(words, sentence, folder):
    done = run("export", *words, cwd=folder)
    assert done.returncode == 2 and sentence in done.stderr, done.stderr
    assert not (folder / "out").exists()
