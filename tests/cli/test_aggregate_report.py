# SPDX-License-Identifier: MIT
"""ccmsweep aggregate: the forms of the report agree; options; what is refused."""
import csv
import io
import json
import math
import os
import re
import shlex
import shutil
import subprocess

import h5py
import numpy as np
import pytest
import synthetic
from aggregate_case import FEW, ONE, SMALL, aggregate, close, file, mixed, one_warning, swept, text
from program import PROGRAM, listing, run
from synthetic import STOPPED

# Fixtures, that pytest finds by their names.
__all__ = ["file", "mixed", "swept"]


# The forms of the report


def number(value):
    return math.nan if value is None else value


def test_csv_has_the_figures_of_json(file):
    told = aggregate(file)
    rows = list(csv.DictReader(io.StringIO(text(file, "--format", "csv"))))
    for configuration in told["configurations"]:
        axes = {name: str(value) for name, value in configuration["axes"].items()}
        mine = [row for row in rows if all(float(row[name] or "nan") == float(value)
                                           for name, value in axes.items())]
        figures = {row["quantity"]: row for row in mine if row["kind"] == "configuration"}
        for fate, count in configuration["fates"].items():
            assert float(figures[fate]["value"]) == count
        expected = {"rmst": configuration["rmst"], "tail": configuration["tail"]}
        for kind, got in configuration["returns"].items():
            expected |= {f"return_{kind}_mean": got["mean"], f"return_{kind}_iqm": got["iqm"]}
        for name, figure in expected.items():
            for key in ("value", "error", "lower", "upper"):
                assert np.array_equal(float(figures[name][key] or "nan"), number(figure[key]),
                                      equal_nan=True), (name, key)
        for name in ("median", "iqm"):
            for key in ("value", "lower", "upper"):
                later = configuration[name][f"{key}_after"] is not None
                figure = math.inf if later else number(configuration[name][key])
                assert np.array_equal(float(figures[name][key] or "nan"), figure, equal_nan=True)
        curve = [row for row in mine if row["quantity"] == "survival"]
        assert [float(row["value"]) for row in curve] == configuration["curve"]["survival"]
        assert [int(row["n"]) for row in curve] == configuration["curve"]["at_risk"]
        for cause, incidence in configuration["incidence"]["causes"].items():
            share = [float(r["value"]) for r in mine if r["quantity"] == f"incidence_{cause}"]
            assert share == incidence["share"]
    for kind, key, value, p in (("comparison", "comparisons", "difference", "p"),
                                ("test", "tests", "chi2", "p_permuted")):
        mine = [row for row in rows if row["kind"] == kind]
        assert len(mine) == len(told[key]) > 0
        for row, one in zip(mine, told[key]):
            assert np.array_equal(float(row["value"] or "nan"), number(one[value]), equal_nan=True)
            assert np.array_equal(float(row["p_permuted"] or "nan"), number(one[p]),
                                  equal_nan=True)
    assert [row["note"] for row in rows if row["kind"] == "warning"] == told["warnings"]


def cells_of(line):
    return re.split(r"  +", line.strip())


def test_table_has_the_figures_of_json(file):
    told, shown = aggregate(file), text(file)
    tables = dict((block.split("\n", 1)) for block in shown.split("\n\n")[1:])
    grid = next(table for title, table in tables.items() if title.startswith("Mean episode"))
    heading, *rows = map(cells_of, grid.splitlines())
    assert heading == ["actor_lr / critic_lr", "0.0001", "0.001", "0.01"]
    places = {(row[0], rate): cell for row in rows for rate, cell in zip(heading[1:], row[1:])}
    times = tables["Episode of first_still of the last actor"].splitlines()[1:7]
    for one, line in zip(told["configurations"], times):
        axes = tuple(map(str, one["axes"].values()))
        count = f"({one['fates']['events']}/{one['observed']})"
        assert places[axes] == f"{one['rmst']['value']:.1f} {count}"
        cells = cells_of(line)
        assert tuple(cells[:3]) == (*axes, f"{one['done']}/{one['runs']}")
        assert any(cell.split(" [")[0] == f"{one['rmst']['value']:.1f}" for cell in cells)
        assert any(cell.startswith(f"{one['never']['share']:.2f}") for cell in cells)
    for warning in told["warnings"]:
        assert f"warning: {warning}" in re.sub(r"\s+", " ", shown)
    assert "Log-rank tests" in tables


def test_latex_has_the_rows_of_the_table(file):
    shown, latex = text(file), text(file, "--format", "latex")
    plain = latex.replace("$-$", "-").replace("$>$", ">").replace("\\_", "_").replace("\\%", "%")
    rows = [line.removesuffix(" \\\\").split(" & ") for line in plain.splitlines()
            if line.endswith("\\\\") and " & " in line]
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    for row in rows:
        assert " ".join(" ".join(row).split()) in lines
    assert "--reference" in shown and "--" not in latex and "-{}-reference" in latex
    assert latex.count("\\begin{longtable}") == latex.count("\\end{longtable}") > 5
    assert latex.count("{") - latex.count("\\{") == latex.count("}") - latex.count("\\}")
    assert not re.search(r"(?<!\\)[_#&](?!\w*}| )", latex.replace(" & ", ""))


def test_latex_compiles(mixed, tmp_path):
    if shutil.which("pdflatex") is None:
        pytest.skip("pdflatex is not installed")
    (tmp_path / "tables.tex").write_text(text(mixed, "--format", "latex"))
    (tmp_path / "paper.tex").write_text(
        "\\documentclass{article}\\usepackage{booktabs,longtable}\n"
        "\\begin{document}\\input{tables}\\end{document}\n")
    done = subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper"],
                          cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and (tmp_path / "paper.pdf").stat().st_size > 10000, done.stdout


@pytest.mark.parametrize("form", ["table", "csv", "json", "latex"])
def test_written_to_a_file(form, swept, tmp_path):
    (tmp_path / "out").write_text("old")
    done = run("aggregate", swept, "--format", form, "-o", tmp_path / "out", *FEW)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    shown = run("aggregate", swept, "--format", form, *FEW).stdout
    written = (tmp_path / "out").read_text()
    at = re.compile(r'"time": \d+\.\d+')
    assert at.sub("", written) == at.sub("", shown) and listing(tmp_path) == ["out"]


# Options


def test_axes_may_be_named_as_in_the_spec(swept):
    told = aggregate(swept, "--by", "critic_lr", "--reference", "critic_lr=0.001")
    same = aggregate(swept, "--by", "training.critic_lr", "--reference", "training.critic_lr=0.001")
    assert same["options"]["by"] == told["options"]["by"] == ["critic_lr"]
    assert same["comparisons"] == told["comparisons"] and same["reference"] == 1


def test_other_axes_are_part_of_a_configuration(tmp_path):
    grid = ONE.replace("[7]", "1-2") + "  gamma: [0.9, 0.99]\n  networks.tanh: [exact, pytorch]\n"
    path = synthetic.make(tmp_path, SMALL % (400, 3, grid))
    synthetic.fill(path, [STOPPED] * 32)
    told = aggregate(path)
    assert [axis["name"] for axis in told["axes"]] == ["actor_lr", "critic_lr", "gamma",
                                                       "networks_tanh"]
    assert len(told["configurations"]) == 16
    assert all(one["runs"] == 2 for one in told["configurations"])
    assert text(path).count("Mean episode of") == 4
    named = aggregate(path, "--reference", "networks.tanh=exact,gamma=0.9,actor_lr=0.1,"
                      "training.critic_lr=1e-2")
    assert named["configurations"][named["reference"]]["axes"] == {
        "actor_lr": 0.1, "critic_lr": 0.01, "gamma": 0.9, "networks_tanh": "exact"}


def test_many_configurations_are_compared_when_asked(tmp_path):
    grid = "  actor_lr: {logspace: [1.0e-4, 0.1], count: 101}\n  seed: [1, 2]\n"
    path = synthetic.make(tmp_path, SMALL % (400, 2, grid))
    synthetic.fill(path, [STOPPED] * 202)
    told = aggregate(path)
    assert told["comparisons"] == told["tests"] == []
    assert "--compare" in one_warning(told, "101 configurations")
    assert len(aggregate(path, "--compare")["comparisons"]) == 200


WRONG = {
    "no file": ([], "no file, expected the file of a sweep"),
    "two files": (["a.h5", "b.h5"], "too many arguments: 'b.h5', expected one file"),
    "event": (["s.h5", "--event", "end"], "--event: 'end' is unknown, expected one of first_still"),
    "endpoint": (["s.h5", "--endpoint", "any"], "--endpoint: 'any' is unknown, expected one of all"),
    "format": (["s.h5", "--format", "xml"], "one of table, csv, json, latex"),
    "confidence": (["s.h5", "--confidence", "95"],
                   "--confidence: '95' is not a level of confidence, expected a number between 0 and "
                   "1"),
    "bootstrap": (["s.h5", "--bootstrap", "0"], "--bootstrap: '0' is not a number of draws, expected"),
    "few draws": (["s.h5", "--bootstrap", "39"], "--bootstrap: 39 draws are too few for intervals of "
                                                 "95 %, expected at least 40"),
    "permutations": (["s.h5", "--permutations", "x"],
                     "--permutations: 'x' is not a number of permutations, expected"),
    "draw seed": (["s.h5", "--draw-seed", "-1"], "--draw-seed: '-1' is not a seed, expected"),
    "limit": (["s.h5", "--limit", "401"], "--limit: no run goes beyond episode 400"),
    "no axis": (["s.h5", "--by", "actor_lr,gamma"],
                "--by: 'gamma' is not an axis in which runs of the file differ, expected some of "
                "actor_lr, critic_lr"),
    "seed": (["s.h5", "--by", "seed"], "--by: seed is what runs of a configuration differ in"),
    "twice": (["s.h5", "--by", "actor_lr,training.actor_lr"],
              "--by: training.actor_lr is named twice"),
    "reference of many": (["s.h5", "--reference", "actor_lr=0.1"],
                          "--reference: 3 configurations of the file are actor_lr=0.1"),
    "reference of none": (["s.h5", "--reference", "actor_lr=0.2"],
                          "--reference: no run of the file has actor_lr=0.2, expected one of 0.001, "
                          "0.1\n"),
    "no reference": (["s.h5", "--reference", "best"], "--reference: 'best' is not a value of an axis"),
    "reference's axis": (["s.h5", "--reference", "tau=1"], "--reference: 'tau' is not an axis"),
    "reference's axis, nearly": (["s.h5", "--reference", "actr_lr=1"],
                                 "of the configurations; did you mean training.actor_lr?"),
    "reference's value": (["s.h5", "--reference", "actor_lr=x"],
                          "--reference: training.actor_lr: 'x' is not a number"),
    "onto itself": (["s.h5", "-o", "s.h5"], "-o s.h5 is the file of the sweep, expected another"),
    "no folder": (["s.h5", "-o", "none/o"], "none/o"),
    "missing": (["a.h5"], "cannot open a.h5: No such file or directory"),
    "text": (["text.h5"], "text.h5 is not an HDF5 file"),
    "empty": (["empty.h5"], "empty.h5 is not an HDF5 file"),
    "foreign": (["foreign.h5"], "foreign.h5 is an HDF5 file, but not one of ccmsweep"),
    "newer": (["newer.h5"], "a newer version of ccmsweep"),
    "cut short": (["cut.h5"], "cut.h5 is cut short"),
}


@pytest.mark.parametrize("title", WRONG)
def test_what_is_refused(title, swept, tmp_path):
    words, message = WRONG[title]
    (tmp_path / "text.h5").write_text("actor_lr 0.1\n")
    (tmp_path / "empty.h5").touch()
    for name in ("s.h5", "newer.h5"):
        (tmp_path / name).write_bytes(swept.read_bytes())
    (tmp_path / "cut.h5").write_bytes(swept.read_bytes()[:8000])
    with h5py.File(tmp_path / "foreign.h5", "w") as file:
        file["x"] = 1
    with h5py.File(tmp_path / "newer.h5", "r+") as file:
        file.attrs.modify("schema_version", file.attrs["schema_version"] + 1)
    before = listing(tmp_path), (tmp_path / "s.h5").read_bytes()
    done = run("aggregate", *words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and message in done.stderr
    assert (listing(tmp_path), (tmp_path / "s.h5").read_bytes()) == before


def test_a_damaged_run_is_left_out(swept, tmp_path):
    path = tmp_path / "s.h5"
    path.write_bytes(swept.read_bytes())
    with h5py.File(path, "r+") as file:
        file["total_episodes"][5] = 4000
    done = run("aggregate", path)
    assert done.returncode == 0
    assert done.stderr == (f"ccmsweep: warning: run 5 of {path} is damaged: its total_episodes is "
                           "4000, expected 1 to 400; it is left out, and run --check trains it again\n")
    assert "1 finished run is damaged and in no figure" in " ".join(done.stdout.split())
    assert "not finished" not in done.stdout


@pytest.mark.parametrize("form", ["table", "csv", "json", "latex"])
def test_lost_output_is_a_fault(form, swept):
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([PROGRAM, "aggregate", swept, "--format", form, *FEW], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr == ("ccmsweep: standard output could not be written: No space left on "
                           "device\n")


def test_a_reader_may_leave():
    done = subprocess.run(f"{shlex.quote(str(PROGRAM))} aggregate --help | head -1", shell=True,
                          capture_output=True, text=True, timeout=60)
    assert done.stdout.startswith("Usage: ccmsweep aggregate") and done.stderr == ""


def test_help():
    done = run("aggregate", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    for word in ("--event", "--endpoint", "--by", "--limit", "--confidence", "--bootstrap",
                 "--draw-seed", "--permutations", "--reference", "--format", "-o", "Exit codes",
                 "censored", "diverged"):
        assert word in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_a_name_need_not_be_utf8(swept, tmp_path):
    name = os.fsencode(tmp_path) + b"/\xe4.h5"
    with open(name, "wb") as file:
        file.write(swept.read_bytes())
    done = subprocess.run([PROGRAM, "aggregate", name, "--format", "json", *FEW],
                          capture_output=True, timeout=60)
    shown = "".join(chr(byte) if byte <= 126 else "?" for byte in name)
    assert done.returncode == 0 and json.loads(done.stdout)["file"] == shown
