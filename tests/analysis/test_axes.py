# SPDX-License-Identifier: MIT
"""Values of axes in figures and pages: written as a spec has them, no two alike; settings that
change together are one axis, as aggregate says."""
import json
import re
import shlex
import sys

import numpy as np
import pytest
import synthetic
from aggregate_case import SMALL
from analysis_case import FEW_FIGURES
from figure_case import figure_of, study_of
from program import run
from sweep_case import SOURCE
from synthetic import CENSORED, STOPPED
from test_report import analysis, text_of

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis import canvas, facts, paper  # noqa: E402
from ccmsweep_analysis.figures import saturation  # noqa: E402
from ccmsweep_analysis.figures.saturation import SQUASH  # noqa: E402
from ccmsweep_analysis.sweep import Fault, Sweep  # noqa: E402
from ccmsweep_analysis.words import number, percent, rest  # noqa: E402

SEEDS = "  environment.seed: [20240101, 20240102, none]\n  seed: 1-4\n"
PRESET = ("  actor_lr: [0.1, 0.01]\n  environment.preset: [published-2026, published-2024]\n"
          "  seed: 1-4\n")
FEW = "environment.agents: [22], environment.channels: [1]"
LISTS = f"""\
  - {{{FEW}, earlier_episodes: [[30, 8]], environment.seeding: [continued], seed: 1-4}}
  - {{{FEW}, earlier_episodes: [none], environment.seeding: [own], seed: 1-4}}
"""
BLOCKS = """\
  - {environment.agents: [3], environment.channels: [1], gamma: [0.9, 0.99], seed: 1-4}
  - {environment.agents: [5], environment.channels: [2], gamma: [0.9, 0.99], seed: 1-4}
"""


def made(folder, grid):
    spec = SMALL % (400, 3, grid)
    if "agents" in grid:
        spec = spec.replace("environment: {agents: 3}\n", "")
    path = synthetic.make(folder, spec)
    runs = json.loads(run("aggregate", path, "--format", "json").stdout)["runs"]
    synthetic.fill(path, ([STOPPED] * 3 + [CENSORED]) * (runs // 4))
    return path


def test_numbers_are_those_of_the_program(tmp_path):
    """The same text as the program writes into a spec, of values of all sizes and lengths."""
    rng = np.random.default_rng(1)
    values = [*10 ** rng.uniform(-300, 0.99, 60), *rng.uniform(0, 10, 60), 1e-5, 0.1 + 0.2, 0.5, 10.0,
              5.0, 0.00012345678, 1 / 3, 2.0 ** -44, 9.999999999999999]
    whole = [20240101, 20240102, 7, 4294967295, 1000000]
    lines = [f"  actor_lr: [{', '.join(repr(float(value)) for value in values)}]",
             f"  seed: [{', '.join(map(str, whole))}]",
             "  environment.server_hz: [1e9, 123456, 1234567, 400, 100000, 20240101]"]
    (tmp_path / "s.yaml").write_text("grid:\n" + "\n".join(lines) + "\n", encoding="utf-8")
    done = run("spec", tmp_path / "s.yaml")
    assert done.returncode == 0, done.stderr
    for key, given in (("training.actor_lr", values), ("training.seed", whole),
                       ("environment.server_hz", [1e9, 123456.0, 1234567.0, 400.0, 100000.0,
                                                  20240101.0])):
        written = re.search(rf"^ +{key}: \[(.*)\]$", done.stdout, re.M)[1].split(", ")
        assert [number(float(value) if isinstance(value, float) else value)
                for value in given] == written


@pytest.mark.parametrize("given, squashes", [
    ("grid: {networks.squash: [tanh, softsign, inverting]}", ["tanh", "softsign", "inverting"]),
    ("networks: {squash: softsign}", ["softsign"]),
    ("replay: {capacity: 100}", ["tanh"]),
    ("grid: {networks.squash: [softsign]}", ["softsign"]),
    ("grid: [{networks.squash: [softsign], seed: [1]}, {networks.squash: [softsign], seed: [2]}]",
     ["softsign", "softsign"]),
])
def test_a_setting_is_that_of_the_run(tmp_path, given, squashes):
    (tmp_path / "s.yaml").write_text(
        "training: {batch: 8, episodes: 10}\nenvironment: {agents: 2}\n" + given)
    assert run("run", "s.yaml", "-o", "s.h5", cwd=tmp_path).returncode == 0
    sweep = Sweep(tmp_path / "s.h5")
    for number, squash in enumerate(squashes):
        assert sweep.setting("networks.squash", number, "tanh") == squash
        assert sweep.setting("training.batch", number, "64") == "8"
        largest = sweep.rows("preactivation_max", [number])
        assert (np.abs(SQUASH[squash](largest)) <= 1).all()


def test_settings_of_training_are_those_of_the_run(tmp_path):
    """Their axes have names without a section, and numbers the form of a spec."""
    (tmp_path / "s.yaml").write_text(
        "training: {batch: 8, episodes: 10}\nenvironment: {agents: 2}\n"
        "grid: {actor_lr: [0.1, 1e-5], training.clip_actor: [none, 1], gamma: [0.5]}")
    assert run("run", "s.yaml", "-o", "s.h5", cwd=tmp_path).returncode == 0
    sweep = Sweep(tmp_path / "s.h5")
    assert [[sweep.setting(f"training.{name}", number, "?")
             for name in ("actor_lr", "clip_actor", "gamma", "seed", "actor_every")]
            for number in range(4)] == [[rate, clip, "0.5", "42", "?"] for rate in ("0.1", "1e-5")
                                        for clip in ("none", "1")]


def test_outputs_are_those_behind_their_normalisation(tmp_path):
    """Of runs with normalised outputs what the actors have, of the others what the study logged."""
    (tmp_path / "s.yaml").write_text(
        "training: {batch: 8, episodes: 20}\nenvironment: {agents: 2}\n"
        "grid: {networks.actor_norm: [none, output]}")
    assert run("run", "s.yaml", "-o", "s.h5", cwd=tmp_path).returncode == 0
    sweep = Sweep(tmp_path / "s.h5")
    assert (sweep.file["preactivation_max"][1] != sweep.file["squash_input_max"][1]).all()
    for name, behind in (("saturation", "squash_input_saturation"),
                         ("preactivation_max", "squash_input_max")):
        plain, own = sweep.file[name][:], sweep.file[behind][:]
        assert not np.isfinite(own[0]).any() and np.isfinite(own[1]).all()
        assert (sweep.rows(name, [0, 1]) == [plain[0], own[1]]).all()
        assert (sweep.last_logs(name, [0, 1]) == [plain[0, -1], own[1, -1]]).all()
    assert (sweep.rows("preactivation_mean", [1]) == sweep.file["preactivation_mean"][1]).all()


def test_slopes_below_zero_are_told():
    sheet = canvas.Canvas()
    saturation.note_below_zero(sheet, [np.array([0.25, 0.0]), np.array([[np.nan, 1.0]])])
    assert sheet.notes == []
    saturation.note_below_zero(sheet, [np.array([0.25]), np.array([[0.5, -3.8]])])
    assert len(sheet.notes) == 1 and "below 0" in sheet.notes[0]


def test_numbers_and_shares():
    assert [number(value) for value in (None, "exact", "a\x1b", np.int64(7), -0.5, 1e22)] == [
        "none", "exact", r"a\x1b", "7", "-0.5", "1e22"]
    assert [percent(share) for share in (0.95, 0.29, 0.5, 0.99999999)] == [
        "95", "29", "50", "99.999999"]
    assert [rest(share) for share in (0.95, 0.999, 0.99999)] == ["0.05", "0.001", "0.00001"]


def test_two_seeds_are_two_configurations(tmp_path):
    study = study_of(made(tmp_path, SEEDS))
    assert study.rows == [f"seed {value}" for value in ("none", 20240101, 20240102)]
    assert sorted(len(configuration.runs) for configuration in study.configurations) == [4, 4, 4]
    for configuration in study.configurations:
        row = next(row for (row, _), one in study.grid.items() if one is configuration)
        assert study.row_keys[row][-1] == configuration.told["axes"]["environment_seed"]
    numbers = paper.numbers_of(study)
    for configuration, seed in zip(study.configurations, ("20240101", "20240102", "none")):
        assert numbers[f"events/0.0001/0.001/{seed}"] == configuration.events
        assert numbers[f"rmst/0.0001/0.001/{seed}"] == facts.rmst_words(study, configuration)
    assert [row[2] for row in facts.grid_table(study)[1]] == ["20240101", "20240102", "none"]


def test_two_numbers_of_one_name_are_a_fault(tmp_path, monkeypatch):
    study = study_of(made(tmp_path, SEEDS))
    monkeypatch.setattr(paper, "place_of", lambda configuration: "0.1")
    with pytest.raises(Fault, match="^two numbers of the paper have the name "):
        paper.numbers_of(study)


def test_a_preset_is_one_axis_of_figures(tmp_path):
    study = study_of(made(tmp_path, PRESET))
    assert study.row_axes == ["actor_lr", "environment_preset"]
    assert study.rows == [f"actor_lr {rate}, preset published-{year}" for rate in (0.01, 0.1)
                          for year in (2026, 2024)]
    assert all(len(configuration.runs) == 4 for configuration in study.configurations)
    title, head, rows = facts.together_tables(study)[0]
    assert title == "environment_preset, and what changes with it"
    assert head == ["environment_preset", "environment_size_unit", "environment_energy_law"]
    assert rows == [["published-2026", "1024", "square"], ["published-2024", "1", "linear"]]
    titles = [title for title, _, _ in facts.comparison_tables(study)]
    assert "Between neighbours in environment_preset" in titles and len(titles) == 3
    assert {row[1] for row in facts.test_table(study)[1]} == {
        "strata of the other axes", *(f"actor_lr {rate}, critic_lr 0.001" for rate in (0.1, 0.01)),
        *(f"critic_lr 0.001, environment_preset published-{year}" for year in (2026, 2024))}
    names = paper.numbers_of(study)
    assert "rmst/0.1/0.001/published-2026" in names
    assert figure_of(study, "rmst_by_row") and figure_of(study, "differences")


def test_blocks_that_change_two_settings_are_one_axis(tmp_path):
    study = study_of(made(tmp_path, BLOCKS))
    assert study.row_axes == ["gamma", "environment_agents"]
    assert study.rows[0] == "gamma 0.9, agents 3" and len(study.rows) == 4
    assert facts.together_tables(study)[0][2] == [["3", "1"], ["5", "2"]]


def test_lists_are_written_as_in_a_spec(tmp_path):
    """As an axis, as what another stands for, and within strata; in the report too."""
    (tmp_path / "1").mkdir()
    one = study_of(made(tmp_path / "1", f"  - {{{FEW}, earlier_episodes: [[30, 8], [30], none], "
                                        "gamma: [0.9, 0.99], seed: 1-4}\n"))
    assert [row.split(", ")[1] for row in one.rows] == [
        f"earlier_episodes {words}" for words in ("none", "30", "30+8")] * 2
    assert {row[1] for row in facts.test_table(one)[1]} >= {
        f"actor_lr 0.0001, critic_lr 0.001, earlier_episodes {words}" for words in ("none", "30", "30+8")}
    assert all(len(configuration.runs) == 4 for configuration in one.configurations)
    path = made(tmp_path, LISTS)
    assert facts.together_tables(study_of(path))[0][2] == [["none", "own"], ["30+8", "continued"]]
    done = analysis("report", path, "-o", tmp_path / "r", "--latex", start=FEW_FIGURES)
    assert (done.returncode, done.stderr) == (0, "")
    assert "30+8" in text_of((tmp_path / "r/report.html").read_text("utf-8"))


def test_the_report_says_it_again(tmp_path):
    """Its command line gives the same numbers, with a seed of eight digits; its page says what
    changes together."""
    path = made(tmp_path, PRESET)
    done = analysis("report", path, "-o", tmp_path / "r", "--latex", "--draw-seed", "20240101",
                    "--permutations", "1234567", "--bootstrap", "200", start=FEW_FIGURES)
    assert (done.returncode, done.stderr) == (0, "")
    words = text_of((tmp_path / "r/report.html").read_text("utf-8"))
    assert "environment_preset, and what changes with it" in words
    command = shlex.split(re.search(r"ccmsweep aggregate s\.h5 .*? --draw-seed \d+", words)[0])
    assert command[-1] == "20240101" and "1234567" in command
    again = json.loads(run(*command[1:], "--format", "json", cwd=tmp_path).stdout)
    first = json.loads(run("aggregate", path, "--format", "json", "--draw-seed", "20240101",
                           "--permutations", "1234567", "--bootstrap", "200").stdout)
    assert again["configurations"] == first["configurations"] and again["tests"] == first["tests"]
    numbers = (tmp_path / "r/paper/numbers.tex").read_text("utf-8")
    found = re.findall(r"\\sweepnumber\{(.*?)\}", numbers)
    assert len(set(found)) == len(found) and "rmst/0.01/0.001/published-2024" in found
    assert r"\sweepnumber{draw-seed}{20240101}" in numbers
