# SPDX-License-Identifier: MIT
"""aggregate() and figure(): frames have what the program says as JSON, figures are the report's."""
import json
import os
import shutil
import subprocess
import sys

import h5py
import matplotlib
import numpy as np
import pandas
import pytest
from figure_case import SPEC, figure_of, study_of, swept
from hostile_case import path
from matplotlib.figure import Figure
from program import run
from sweep_case import SOURCE, environment

sys.path.insert(0, str(SOURCE / "analysis"))

import ccmsweep_analysis as ours  # noqa: E402
from ccmsweep_analysis.figures import FIGURES, title_of  # noqa: E402

__all__ = ["path"]

LABELS = """\
training: {batch: 8, episodes: 120}
environment: {agents: 3}
networks: {critic_hidden1: 32, critic_hidden2: 16}
tracking: {log_every: 10, snapshot_every: 0}
evaluation: {every: 50, episodes: 1}
grid:
  - {label: published, actor_lr: [0.1, 0.001], seed: 1-3}
  - {label: plain, optimizer: [sgd], actor_lr: [0.1, 0.001], seed: 1-3,
     exclude: [{actor_lr: 0.001, seed: 3}]}
"""
FEW = {"bootstrap": 50, "permutations": 99}


def said(path, *words):
    done = run("aggregate", path, "--format", "json", "--bootstrap", "50", "--permutations", "99",
               *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def told(path):
    return said(path, "--event=hard_saturation", "--endpoint=first")


@pytest.fixture(scope="module")
def estimates(path):
    return ours.aggregate(path, event="hard_saturation", endpoint="first", **FEW)


def equal(got, expected):
    """A value of a frame and of JSON: null is NaN."""
    if expected is None:
        return got is None or got != got
    return got == expected and isinstance(got, str) == isinstance(expected, str)


def at(value, column):
    """What JSON has for a column, in which nested keys are joined."""
    if column in value:
        return value[column]
    key = next(key for key in value if column.startswith(key + "_"))
    return at(value[key], column[len(key) + 1:])


def names(value, before=""):
    """The columns that a row of JSON has: all inside but lists."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from names(inner, f"{before}{key}_")
        elif not isinstance(inner, list):
            yield before + key


# Frames


def test_configurations(told, estimates):
    frame = estimates.configurations
    assert estimates.axes == ["actor_lr", "critic_lr"] and len(frame) == 4
    for index, one in enumerate(told["configurations"]):
        plain = {key: value for key, value in one.items()
                 if key not in ("axes", "returns", "curve", "incidence")}
        row = frame.loc[index]
        assert sorted(frame.columns) == sorted([*one["axes"], *names(plain)])
        assert all(equal(row[name], at({**plain, **one["axes"]}, name)) for name in frame.columns)
    assert frame.rmst_value.dtype == float and frame.runs.dtype.kind == "i"
    assert frame.rmst_extended.dtype == bool


def test_returns(told, estimates):
    frame = estimates.returns
    assert len(frame) == 4 * 4 * 2
    for _, row in frame.iterrows():
        one = told["configurations"][row.configuration]
        whole = one["returns"][row.when]
        part = {**whole, **whole[row.statistic], **one["axes"]}
        assert all(equal(row[name], part[name]) for name in (
            "actor_lr", "critic_lr", "runs", "missing", "estimable", "value", "error", "lower",
            "upper"))
    assert not frame.duplicated(["configuration", "when", "statistic"]).any()


def test_curves_and_incidence(told, estimates):
    assert any(one["incidence"]["causes"] for one in told["configurations"])
    for index, one in enumerate(told["configurations"]):
        curve = estimates.curves[estimates.curves.configuration == index]
        for name, values in one["curve"].items():
            assert all(map(equal, curve[name].tolist(), values)) and len(curve) == len(values)
        assert (curve.actor_lr == one["axes"]["actor_lr"]).all()
        here = estimates.incidence[estimates.incidence.configuration == index]
        assert set(here.cause) == set(one["incidence"]["causes"])
        for cause, words in one["incidence"]["causes"].items():
            part = here[here.cause == cause]
            assert part.time.tolist() == one["incidence"]["time"]
            assert words["count"] > 0
            for name, values in words.items():
                assert name == "count" or all(map(equal, part[name].tolist(), values))


@pytest.mark.parametrize("key", ["comparisons", "tests"])
def test_comparisons_and_tests(told, estimates, key):
    frame = getattr(estimates, key)
    assert len(frame) == len(told[key]) > 0
    for (_, row), one in zip(frame.iterrows(), told[key]):
        plain = {name: value for name, value in one.items() if name != "within"}
        assert all(equal(row[name], value) for name, value in plain.items())
        if key == "comparisons":
            assert row.a_actor_lr == told["configurations"][row.a]["axes"]["actor_lr"]
            assert row.b_critic_lr == told["configurations"][row.b]["axes"]["critic_lr"]
        else:
            assert all(row[f"within_{name}"] == value for name, value in (one["within"] or {}).items())


def test_empty_frames_have_their_columns(path):
    """One configuration, no event: nothing to compare or to test, and no cause."""
    nothing = ours.aggregate(path, by=["critic_lr"], event="last_change", limit=2, **FEW)
    nothing.json["comparisons"], nothing.json["tests"] = [], []
    some = ours.aggregate(path, event="hard_saturation", endpoint="first", by=["critic_lr"], **FEW)
    for key in ("comparisons", "tests", "incidence"):
        empty, full = getattr(nothing, key), getattr(some, key)
        assert len(empty) == 0 < len(full), key
        assert set(empty.columns) == {name for name in full.columns
                                      if not name.startswith("within")}, key
    assert nothing.damaged.columns.tolist() == ["run", "why"]


def test_all_options_are_the_programs(path):
    got = ours.aggregate(path, event="last_change", endpoint="half", by=["actor_lr"], limit=100,
                         confidence=0.9, draw_seed=np.int64(4), reference={"actor_lr": 0.1},
                         compare=True, verify=True, **FEW)
    expected = said(path, "--event=last_change", "--endpoint=half", "--by=actor_lr", "--limit=100",
                    "--confidence=0.9", "--draw-seed=4", "--reference=actor_lr=0.1", "--compare",
                    "--verify")
    assert got.json["options"] == expected["options"] == {
        "event": "last_change", "endpoint": "half", "by": ["actor_lr"], "limit": 100,
        "confidence": 0.9, "bootstrap": 50, "permutations": 99, "draw_seed": 4,
        "reference": "actor_lr=0.1"}
    assert got.json["configurations"] == expected["configurations"]
    assert got.warnings == expected["warnings"] and got.axes == ["actor_lr"]
    assert ours.aggregate(path, by="actor_lr", reference="actor_lr=0.1", **FEW).options["by"] == [
        "actor_lr"]


def test_against_is_none_without_it(estimates):
    assert (estimates.against, estimates.pooled, estimates.scores, estimates.profiles) == (None,) * 4


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A sweep with a label and an axis beside it; the last seed of one block is missing."""
    return swept(tmp_path_factory.mktemp("labelled"), LABELS)


@pytest.mark.parametrize("against", [{"label": "plain"}, "label=plain", None])
def test_frames_of_against(labelled, against):
    words = ["--against=label=plain"] if against else ["--against=label=published"]
    expected = said(labelled, *words)["against"]
    estimates = ours.aggregate(labelled, against=against, **FEW)
    axes = [one["axes"] for one in estimates.json["configurations"]]
    for key, got in (("comparisons", estimates.against), ("pooled", estimates.pooled)):
        assert len(got) == len(expected[key]) > 0
        for (_, row), one in zip(got.iterrows(), expected[key]):
            assert all(equal(row[name], value) for name, value in one.items())
            if key == "comparisons":
                assert (row.a_label, row.b_label) == (axes[row.a]["label"], axes[row.b]["label"])
    scores = estimates.scores
    assert len(scores) == len(expected["scores"]) > 0 and "improvement" not in scores.columns
    for (_, row), one in zip(scores.iterrows(), expected["scores"]):
        assert all(equal(row[name], one[name]) for name in ("quantity", "value", "runs", "tasks",
                                                            "estimable", "note"))
        for key in ("iqm", "improvement"):
            parts = one[key] or dict.fromkeys(("value", "error", "lower", "upper"))
            assert all(equal(row[f"{key}_{name}"], value) for name, value in parts.items())
        part = estimates.profiles[(estimates.profiles.quantity == one["quantity"])
                                  & (estimates.profiles.value == one["value"])]
        for name, values in (one["profile"] or {}).items():
            assert all(map(equal, part[name].tolist(), values)) and len(part) == len(values)
    assert len(estimates.profiles) > 10
    for got in (estimates.pooled, scores, estimates.profiles):
        assert got.columns[:3].tolist() == ["quantity", "label", "value"]
        assert (got.label == got.value).all()
    every = estimates.pooled.merge(estimates.configurations, on="label")  # as frames are joined
    assert len(every) == len(estimates.pooled) * 2


def test_the_axis_of_against_has_its_own_name(path):
    """Of any axis, with its numbers as numbers."""
    estimates = ours.aggregate(path, against={"critic_lr": 0.001}, **FEW)
    for got in (estimates.pooled, estimates.scores, estimates.profiles):
        assert got.critic_lr.dtype == float and set(got.critic_lr) <= {0.1, 0.001}
        assert "label" not in got.columns and (got.critic_lr == got.value).all()


def test_labels_are_coordinates(labelled):
    with ours.open(labelled) as data:
        assert data.label.dims == ("run",) and data.label.dtype.kind == "U"
        assert data.label.values.tolist() == ["published"] * 6 + ["plain"] * 5
        chosen = data.set_index(run=["label", "actor_lr", "seed"]).sel(label="plain", seed=1)
        assert chosen.reward.shape == (2, 120)


def test_damaged_runs_are_told(path, tmp_path):
    shutil.copy(path, tmp_path / "s.h5")
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file["reward"][2, 5] += 1
    with pytest.warns(ours.Damaged, match="run 2 is damaged") as told:
        estimates = ours.aggregate(tmp_path / "s.h5", **FEW)
    assert len(told) == 1 and str(told[0].message).startswith(f"{tmp_path / 's.h5'}: ")
    assert estimates.damaged.run.tolist() == [2] and estimates.damaged.why[0]
    assert estimates.configurations.done.sum() == 7


@pytest.mark.parametrize("options, words", [
    ({"event": "nothing"}, "--event: 'nothing' is unknown"), ({"by": ["none_such"]}, "none_such"),
    ({"confidence": 2}, "--confidence"), ({"reference": {"actor_lr": 7}}, "actor_lr")])
def test_a_wrong_option_is_one_sentence(path, options, words):
    with pytest.raises(ours.Unreadable, match=words) as refused:
        ours.aggregate(path, **options, **FEW)
    assert "\n" not in str(refused.value)


def test_what_is_no_sweep_is_one_sentence(tmp_path):
    (tmp_path / "a b.h5").write_text("x")
    for name, words in (("a b.h5", "a b.h5 is not an HDF5 file"), (".", "Is a directory"),
                        ("not there.h5", "not there.h5: No such file or directory")):
        with pytest.raises(ours.Unreadable, match=words) as refused:
            ours.aggregate(tmp_path / name)
        assert "\n" not in str(refused.value)


def test_without_the_program_it_says_so(path, monkeypatch):
    monkeypatch.setenv("CCMSWEEP", "/absent/ccmsweep")
    with pytest.raises(ours.Unreadable, match=r"\$CCMSWEEP is /absent/ccmsweep"):
        ours.aggregate(path)


# Figures


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A sweep that has what all figures but those of some options show."""
    folder = tmp_path_factory.mktemp("large")
    spec = SPEC.replace("1-7", "1-3").replace("episodes: 400", "episodes: 200")
    (folder / "s.yaml").write_text(spec, encoding="utf-8")
    done = run("run", "s.yaml", "-o", "a sweep.h5", "--progress", "none", cwd=folder,
               env=environment())
    assert done.returncode == 0, done.stderr
    return folder / "a sweep.h5"


def test_names_are_those_of_the_report():
    assert ours.figure_names() == list(FIGURES) and "survival" in FIGURES


@pytest.fixture(scope="module")
def of_large(large):
    return ours.aggregate(large, **FEW)


@pytest.mark.parametrize("name", ours.figure_names())
def test_each_figure(of_large, name):
    """A Figure with the report's title, of the same axes, or why there is nothing to draw."""
    try:
        drawn = ours.figure(name, of_large)
    except ours.NothingToDraw as reason:
        assert str(reason)
        return
    assert isinstance(drawn, Figure) and drawn.get_label().startswith(title_of(FIGURES[name]) + "\n")
    assert [axes.get_title(loc="left") for axes in drawn.axes] == [
        axes.get_title(loc="left") for axes in figure_of(
            study_of(of_large.snapshot.path, "--bootstrap=50", "--permutations=99"), name).axes]
    drawn.draw_without_rendering()


def test_most_figures_have_something(of_large):
    def has(name):
        try:
            return ours.figure(name, of_large) is not None
        except ours.NothingToDraw:
            return False
    assert sum(map(has, ["rmst_map", "survival", "learning_curves", "evaluation", "timeline"])) == 5


def test_a_figure_looks_the_same_whatever_the_user_has_set(large, tmp_path):
    plain = ours.figure("survival", large, **FEW)
    with matplotlib.rc_context({"lines.linewidth": 30, "axes.facecolor": "red", "font.size": 3,
                                "text.color": "green"}):
        before = dict(matplotlib.rcParams)
        other = ours.figure("survival", large, **FEW)
        assert dict(matplotlib.rcParams) == before
    for number, drawn in enumerate((plain, other)):
        drawn.savefig(tmp_path / f"{number}.png")
    assert (tmp_path / "0.png").read_bytes() == (tmp_path / "1.png").read_bytes()


def lines_of(drawn):
    return [line.get_ydata().tolist() for axes in drawn.axes for line in axes.lines]


def test_options_of_a_figure(large, of_large):
    drawn = ours.figure("survival", large, event="hard_saturation", endpoint="first", **FEW)
    expected = figure_of(study_of(large, "--event=hard_saturation", "--endpoint=first"), "survival")
    usual = ours.figure("survival", of_large)
    assert lines_of(drawn) == lines_of(expected) != lines_of(usual)
    with pytest.raises(TypeError, match="event"):
        ours.figure("survival", of_large, event="last_change")
    with pytest.raises(ours.Unreadable, match="figure nothing: unknown; expected one of rmst_map"):
        ours.figure("nothing", of_large)


# Beside other programs


def test_a_file_that_grows(large, tmp_path):
    """Figures and frames of one call are of one moment."""
    shutil.copy(large, tmp_path / "s.h5")
    estimates = ours.aggregate(tmp_path / "s.h5", **FEW)
    with h5py.File(tmp_path / "s.h5", "r+") as file:
        file["commit"][3] = 0
        file["outcome"][3] = 0
    assert len(ours.aggregate(tmp_path / "s.h5", **FEW).snapshot.done) == 12
    assert estimates.configurations.done.sum() == 12 and estimates.snapshot.done.all()
    assert isinstance(estimates.configurations, pandas.DataFrame)
    assert ours.aggregate(tmp_path / "s.h5", **FEW).configurations.done.sum() == 11


def test_star_import_in_a_notebook(path):
    code = "from ccmsweep_analysis import *; import sys; print(open(sys.argv[1]).sizes['run'])"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True,
                          check=False, env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis")})
    assert (done.returncode, done.stdout, done.stderr) == (0, "8\n", "")
