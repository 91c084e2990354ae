# SPDX-License-Identifier: MIT
"""Axes that change together are one axis of ccmsweep aggregate: it is tested, compared and told."""
import csv
import io

import pytest
import synthetic
from aggregate_case import SMALL, aggregate, one_warning, text
from program import run
from synthetic import CENSORED, STOPPED

PRESET = "  environment.preset: [published-2026, published-2024]\n  seed: 0-7\n"
SIZE, ENERGY = "environment_size_unit", "environment_energy_law"
# Agents and channels change together, gamma by itself.
BLOCKS = """\
  - {environment.agents: [5], environment.channels: [2], gamma: [0.9, 0.99], seed: 1-6}
  - {environment.agents: [3], environment.channels: [1], gamma: [0.9, 0.99], seed: 1-6}
"""
# Of these, units decide agents and channels alone in one direction.
THREE = """\
  - {environment.agents: [3], environment.channels: [1], environment.units: [4, 8], seed: 1-6}
  - {environment.agents: [5], environment.channels: [2], environment.units: [4], seed: 1-6}
  - {environment.agents: [7], environment.channels: [3], environment.units: [4], seed: 1-6}
"""
# Agents decide channels and gamma; neither of these decides anything.
DECIDED = """\
  - {environment.agents: [3], environment.channels: [1], gamma: [0.9], seed: 1-8}
  - {environment.agents: [5], environment.channels: [2], gamma: [0.9], seed: 1-8}
  - {environment.agents: [7], environment.channels: [2], gamma: [0.99], seed: 1-8}
"""
WARNED = ("axis {0} is decided by environment_agents: runs that differ in {0} also differ in "
          "environment_agents, so a difference between them can be due to either")


def made(folder, grid):
    spec = SMALL % (400, 3, grid)
    if "agents" in grid:
        spec = spec.replace("environment: {agents: 3}\n", "")
    path = synthetic.make(folder, spec)
    synthetic.fill(path, ([STOPPED] * 3 + [CENSORED]) * (aggregate(path)["runs"] // 4))
    return path


def csv_of(path, *kinds):
    rows = csv.DictReader(io.StringIO(text(path, "--format", "csv")))
    return [row for row in rows if row["kind"] in kinds]


def names(told):
    return [[axis["name"], *axis.get("together", {})] for axis in told["axes"]]


@pytest.fixture(name="preset", scope="module")
def preset_of(tmp_path_factory):
    return made(tmp_path_factory.mktemp("preset"), PRESET)


@pytest.fixture(name="blocks", scope="module")
def blocks_of(tmp_path_factory):
    return made(tmp_path_factory.mktemp("blocks"), BLOCKS)


@pytest.fixture(name="decided_by_agents", scope="module")
def decided_by_agents_of(tmp_path_factory):
    return made(tmp_path_factory.mktemp("other"), DECIDED)


def test_a_preset_is_tested_and_compared(preset):
    told = aggregate(preset)
    assert names(told) == [["actor_lr"], ["critic_lr"], ["environment_preset", SIZE, ENERGY]]
    axis = told["axes"][2]
    assert axis["values"] == ["published-2026", "published-2024"]
    assert axis["together"] == {SIZE: [1024, 1], ENERGY: ["square", "linear"]}
    assert [one["axes"] for one in told["configurations"]] == [
        {"actor_lr": 0.0001, "critic_lr": 0.001, "environment_preset": preset, SIZE: size,
         ENERGY: law} for preset, size, law in (("published-2026", 1024, "square"),
                                                ("published-2024", 1, "linear"))]
    assert [(test["axis"], test["df"], test["runs"]) for test in told["tests"]] == [
        ("environment_preset", 1, 16)]
    assert told["tests"][0]["p_permuted"] is not None and "nothing" not in told["tests"][0]["note"]
    neighbours = [one for one in told["comparisons"] if one["family"] == "neighbours"]
    assert [(one["axis"], one["a"], one["b"], one["pairs"]) for one in neighbours] == [
        ("environment_preset", 1, 0, 8)]
    assert neighbours[0]["p"] is not None and told["pooled"] == 0


def test_every_form_tells_what_goes_with_a_preset(preset):
    table = text(preset)
    assert "environment_preset, and what changes with it" in table
    assert "published-2024                      1                  linear" in table
    assert "neighbours in environment_preset" in table and f"neighbours in {SIZE}" not in table
    assert table.count(SIZE) == 1 and "pool" not in table
    latex = text(preset, "--format", "latex")
    assert r"published-2024 & 1 & linear \\" in latex
    rows = csv_of(preset, "test", "comparison")
    assert {row["axis"] for row in rows} == {"", "environment_preset"}
    test = [row for row in rows if row["kind"] == "test"]
    assert len(test) == 1 and test[0]["df"] == "1"
    assert test[0]["environment_preset"] == test[0][SIZE] == test[0][ENERGY] == ""
    last = rows[-2]
    assert [last[name] for name in ("environment_preset", SIZE, ENERGY, f"other_{SIZE}")] == [
        "published-2024", "1", "linear", "1024"]


@pytest.mark.parametrize("by, name", [
    ("environment_preset", "environment_preset"), ("environment.size_unit", SIZE),
    (f"{ENERGY},environment_preset,{SIZE}", ENERGY)])
def test_any_of_the_names_will_do(preset, by, name):
    told, all_axes = aggregate(preset, "--by", by), aggregate(preset)
    assert told["options"]["by"] == [name] and told["pooled"] == 0
    assert [one["rmst"] for one in told["configurations"]] == [
        one["rmst"] for one in all_axes["configurations"]]
    assert [test["axis"] for test in told["tests"]] == [name]
    for reference in ("environment_preset=published-2024", "environment.size_unit=1"):
        assert aggregate(preset, "--by", by, "--reference", reference)["reference"] == 1
    done = run("aggregate", preset, "--by", f"{by},{by}")
    assert done.returncode == 2 and "is named twice" in done.stderr


def test_blocks_that_change_two_settings_at_once(blocks):
    told = aggregate(blocks)
    assert names(told) == [["actor_lr"], ["critic_lr"], ["gamma"],
                           ["environment_agents", "environment_channels"]]
    assert told["axes"][3]["values"] == [3, 5]
    assert told["axes"][3]["together"] == {"environment_channels": [1, 2]}
    tests = [(one["axis"], one["family"], one["df"]) for one in told["tests"]]
    assert tests == [(axis, family, 1) for axis in ("gamma", "environment_agents")
                     for family in ("stratified", "within", "within")]
    assert told["tests"][1]["within"] == {
        "actor_lr": 0.0001, "critic_lr": 0.001, "environment_agents": 5, "environment_channels": 2}
    neighbours = [(one["axis"], one["a"], one["b"]) for one in told["comparisons"]
                  if one["family"] == "neighbours"]
    assert neighbours == [("gamma", 1, 0), ("gamma", 3, 2), ("environment_agents", 0, 2),
                          ("environment_agents", 1, 3)]
    pooled = aggregate(blocks, "--by", "gamma")
    assert pooled["pooled"] == 1
    assert any("differ in 1 more axis" in warning for warning in pooled["warnings"])


def test_two_of_three_go_together(tmp_path):
    path = made(tmp_path, THREE)
    told = aggregate(path)
    assert names(told) == [["actor_lr"], ["critic_lr"],
                           ["environment_agents", "environment_channels"], ["environment_units"]]
    neighbours = [(one["axis"], one["a"], one["b"]) for one in told["comparisons"]
                  if one["family"] == "neighbours"]
    assert neighbours == [("environment_agents", 2, 0), ("environment_agents", 3, 2),
                          ("environment_units", 1, 0)]
    stratified = {one["axis"]: one["df"] for one in told["tests"] if one["family"] == "stratified"}
    assert stratified == {"environment_agents": 2, "environment_units": 1}


@pytest.mark.parametrize("by, decided", [
    (None, ["gamma", "environment_channels"]), ("gamma", ["gamma"]),
    ("environment_agents", ["gamma", "environment_channels"]), ("actor_lr", [])])
def test_an_axis_that_is_decided_by_another_is_warned_of(decided_by_agents, by, decided):
    path = decided_by_agents
    words = ["--by", by] if by else []
    told = aggregate(path, *words)
    assert [warning for warning in told["warnings"] if "is decided" in warning] == [
        WARNED.format(axis) for axis in decided]
    table = " ".join(text(path, *words).split())
    assert all(f"warning: {WARNED.format(axis)}" in table for axis in decided)
    assert ("is decided" in table) == bool(decided)
    if by is None:
        assert not [one for one in told["comparisons"] if one.get("axis") in decided]


def test_of_many_axes_that_decide_three_are_named(tmp_path):
    """Each of five settings has a value of its own where gamma has one, and others elsewhere."""
    keys = ["actor_lr", "critic_lr", "tau", "environment.units", "replay.capacity"]
    values = {"actor_lr": [0.1, 0.2, 0.3], "critic_lr": [0.1, 0.2, 0.3], "tau": [0.1, 0.2, 0.3],
              "environment.units": [4, 5, 6], "replay.capacity": [50, 60, 70]}
    places = [[0, 1, 1, 1, 2], [1, 0, 1, 1, 2], [1, 1, 0, 1, 2], [1, 1, 1, 0, 2], [0, 0, 1, 1, 2]]
    blocks = [", ".join(f"{key}: [{values[key][place[row]]}]" for key, place in zip(keys, places))
              + f", gamma: [{0.99 if row == 4 else 0.9}], seed: 1-4" for row in range(5)]
    path = made(tmp_path, "".join(f"  - {{{block}}}\n" for block in blocks))
    warning = one_warning(aggregate(path), "axis gamma is decided")
    assert warning.startswith("axis gamma is decided by actor_lr; critic_lr; tau; and 2 more: "
                              "runs that differ in gamma also differ in these, ")


def test_axes_that_are_crossed_are_not_warned_of(blocks, preset):
    for path in (blocks, preset):
        assert not [warning for warning in aggregate(path)["warnings"] if "is decided" in warning]


def test_learning_rates_may_go_together(tmp_path):
    path = made(tmp_path, "  - {actor_lr: [0.1], critic_lr: [0.01], seed: 1-4}\n"
                          "  - {actor_lr: [0.01], critic_lr: [0.001], seed: 1-4}\n")
    told = aggregate(path)
    assert names(told) == [["actor_lr", "critic_lr"]]
    assert told["tests"][0]["df"] == 1 and "nothing to test" not in text(path)


def test_seeds_of_eight_digits_are_told_apart(tmp_path):
    path = made(tmp_path, "  environment.seed: [20240101, 20240102, none]\n  seed: 1-4\n")
    told = aggregate(path)
    assert told["axes"][2]["values"] == [None, 20240101, 20240102]
    words = text(path)
    assert "20240102 less 20240101" in words and "20240101 less none" in words
    assert "e+07" not in words
    assert {row["environment_seed"] for row in csv_of(path, "configuration")} == {
        "20240101", "20240102", "none"}


def test_levels_have_all_their_digits(tmp_path):
    path = made(tmp_path, "  actor_lr: [0.1, 0.2]\n  seed: 1-4\n")
    done = run("aggregate", path, "--confidence", "0.9999999", "--bootstrap", "50")
    assert done.returncode == 2 and "too few for intervals of 99.99999 %" in done.stderr
    words = " ".join(text(path, "--confidence", "0.953125").split())
    assert "intervals of 95.3125 %" in words and "reach the level 0.046875" in words
