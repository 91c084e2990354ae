# SPDX-License-Identifier: MIT
"""ccmsweep aggregate --against: the forms of the report agree; what is refused."""
import csv
import io
import math
import random
import re

import h5py
import numpy as np
import pytest
import synthetic
from against_case import PAIR, QUANTITIES, gammas, settle
from aggregate_case import SMALL, aggregate, text
from program import run
from synthetic import CENSORED

# A fixture, that pytest finds by its name.
__all__ = ["gammas"]


def test_without_the_option_there_is_nothing(gammas):
    assert aggregate(gammas)["against"] is None
    for form in ("table", "csv", "latex"):
        shown = text(gammas, "--format", form)
        assert not re.search("^against|pooled over|counterpart|^scores|^profile", shown, re.M)


LABELS = """\
  - {label: published, actor_lr: [0.1, 0.01], seed: 1-4}
  - {label: low, gamma: [0.9], actor_lr: [0.1, 0.01], seed: 1-4}
  - {label: both, gamma: [0.95], tau: [0.1], actor_lr: [0.1], seed: 1-3}
"""


def test_labels(tmp_path):
    """What a label stands for is no axis of its own, in which its runs would differ."""
    path = settle(synthetic.make(tmp_path, SMALL % (400, 3, LABELS)), [CENSORED] * 19)
    told = aggregate(path, "--against", "label=published")
    against = told["against"]
    assert (against["axis"], against["value"]) == ("label", "published")
    assert not [warning for warning in told["warnings"] if "counterpart" in warning]
    assert [(one["quantity"], one["value"], one["tasks"], one["pairs"], one["left_out"])
            for one in against["pooled"]] == [
        row for quantity in QUANTITIES for row in ((quantity, "low", 2, 4, 0),
                                                   (quantity, "both", 1, 3, 1))]
    rows = csv.DictReader(io.StringIO(text(path, "--against", "label=published", "--format",
                                           "csv")))
    assert [(row["label"], row["other_label"]) for row in rows
            if row["kind"] == "against_pooled" and row["quantity"] == "rmst_difference"] == [
        ("low", "published"), ("both", "published")]
    assert text(path, "--against", "label=published").count("both less published") == 10
    done = run("aggregate", path, "--against", "label=lower")
    assert done.returncode == 2 and done.stderr.endswith(
        "no run of the file has label=lower, expected one of published, low, both\n")


def test_a_part_of_labels_that_several_have(tmp_path):
    """One value of a part of the label is of several labels: none is taken, and none last."""
    path = settle(synthetic.make(tmp_path, SMALL % (400, 3, LABELS)), [CENSORED] * 19)

    def refused(*words):
        done = run("aggregate", path, *words)
        assert (done.returncode, done.stdout) == (2, "")
        return done.stderr.removeprefix("ccmsweep: --against: ")

    done = run("aggregate", path, "--reference", "label=lower")
    assert (done.returncode, done.stdout) == (2, "") and done.stderr == (
        "ccmsweep: --reference: no run of the file has label=lower, expected one of published, low, "
        "both\n")
    assert refused("--against", "tau=1") == (
        "tau=1 is of the labels published, low; expected one, such as label=published\n")
    assert refused("--against", "training.tau=0.5") == (
        "no run of the file has training.tau=0.5, expected one of 0.1, 1\n")
    # What only one label has stands for it.
    for part, label in (("tau=0.1", "both"), ("gamma=0.9", "low")):
        told, same = (aggregate(path, "--against", word)["against"]
                      for word in (part, f"label={label}"))
        assert told == same and told["value"] == label
    # As an axis of its own it has several runs of the same seed and rates.
    for value in ("1", "0.1"):
        label = {"1": "published", "0.1": "both"}[value]
        assert refused("--by", "tau,actor_lr", "--against", f"tau={value}") == (
            f"tau is part of the label, and several have the same; expected one, such as "
            f"label={label}, with label in place of tau in --by\n")
    both = aggregate(path, "--by", "label,tau", "--against", "label=published")["against"]
    assert [one["value"] for one in both["pooled"]] == ["low"] * 5


# The forms


def number_of(field):
    return math.nan if field in (None, "") else float(field)


def same(row, told, keys):
    return all(np.array_equal(number_of(row[column]), number_of(told[key]), equal_nan=True)
               for column, key in keys.items())


def test_csv_has_the_figures_of_json(gammas):
    against = aggregate(gammas, "--against", "gamma=0.95")["against"]
    rows = list(csv.DictReader(io.StringIO(text(gammas, "--against", "gamma=0.95", "--format",
                                                "csv"))))
    columns = {"value": "difference", "lower": "lower", "upper": "upper", "p_permuted": "p",
               "p_holm": "p_holm", "n": "pairs"}
    for kind, key in (("against", "comparisons"), ("against_pooled", "pooled")):
        mine = [row for row in rows if row["kind"] == kind
                and row["quantity"].endswith("_difference")]
        assert len(mine) == len(against[key])
        for row, one in zip(mine, against[key]):
            assert row["quantity"] == f"{one['quantity']}_difference" and row["axis"] == "gamma"
            assert same(row, one, columns) and row["note"] == one["note"]
            assert row["other_gamma"] == "0.95" and (row["actor_lr"] == "") == (key == "pooled")
        only = [number_of(row["value"]) for row in rows
                if row["kind"] == kind and row["quantity"].startswith("never_only")]
        assert only == [one[side] for one in against[key] if one["quantity"] == "never"
                        for side in ("only_a", "only_b")]
    tasks = [row for row in rows if row["quantity"].endswith("_configurations")]
    assert [float(row["value"]) for row in tasks] == [one["tasks"] for one in against["pooled"]]
    estimates = {"value": "value", "error": "error", "lower": "lower", "upper": "upper"}
    for one in against["scores"]:
        mine = [row for row in rows if row["kind"] in ("scores", "profile")
                and float(row["gamma"]) == one["value"]]
        for what in ("iqm", "improvement"):
            found = [row for row in mine if row["quantity"] == f"{one['quantity']}_{what}"]
            assert len(found) == (one[what] is not None)
            assert all(same(row, one[what], estimates) and row["n"] == "28" for row in found)
        points = [row for row in mine if row["quantity"] == one["quantity"]]
        for column, key in (("time", "tau"), ("value", "share"), ("lower", "lower"),
                            ("upper", "upper")):
            assert np.array_equal([number_of(row[column]) for row in points],
                                  [number_of(value) for value in one["profile"][key]],
                                  equal_nan=True)


def written(told):
    if not told["estimable"]:
        return "not estimable"
    large = told["quantity"] == "rmst" or abs(told["difference"]) >= 100
    digits = 1 if large else 2
    return f"{round(told['difference'], digits) + 0.0:.{digits}f}"  # -0.0 + 0.0 is 0.0


def cells_of(line):
    return re.split(r"  +", line.strip())


def test_table_begins_with_the_finding(gammas):
    against = aggregate(gammas, "--against", "gamma=0.95")["against"]
    shown = text(gammas, "--against", "gamma=0.95")
    blocks = [block.split("\n", 1) for block in shown.split("\n\n")[1:]]
    assert blocks[0][0] == ("gamma: differences from 0.95, pooled over all other axes, paired by "
                            "seed")
    rows = [cells_of(line) for line in blocks[0][1].splitlines()[1:11]]
    for row, one in zip(rows, against["pooled"]):
        assert row[1:4] == [f"{one['value']} less 0.95", "4", "7"]
        assert row[4].split(" [")[0] == written(one)
        assert not one["note"] or row[-1] == one["note"]
    tests = [family["tests"] for family in against["families"][5:]]
    assert (f"p Holm: adjusted within a family, which is the tests of one quantity in this table "
            f"(RMST(400) {tests[0]}, never {tests[1]}, return at the end {tests[2]}, return in "
            f"training {tests[3]}, return at the last evaluation {tests[4]}).") in " ".join(
                blocks[0][1].split())
    titles = [title for title, _ in blocks if "all other axes equal" in title]
    assert titles == [f"{name} less that with gamma 0.95, all other axes equal, paired by seed"
                      for name in ("RMST(400)", "Share of runs without the event,",
                                   "Return at the end", "Return in training",
                                   "Return at the last evaluation")]
    for title, table in blocks:
        if title in titles:
            place = titles.index(title)
            assert (f"p Holm: adjusted for the {against['families'][place]['tests']} tests of this "
                    "table.") in table
    scores = dict(blocks)["Returns by gamma, over all other axes"]
    assert cells_of(scores.splitlines()[0])[5] == "P(improvement over 0.95) [95 %]"
    assert "P(improvement): probability that a run" in " ".join(scores.split())
    for one in against["scores"]:
        if one["estimable"]:
            assert f"{one['iqm']['value']:.1f} [" in scores


def profiles_of(shown):
    """By quantity: the values above which shares are, then the cells of each value of the axis."""
    blocks = re.findall(r"^Performance profile by gamma, (.*?): share of runs above a value \[95 %\]\n"
                        r"(.*?)\nColumns: of 51 returns", shown, re.M | re.S)
    return {name: list(map(cells_of, table.splitlines())) for name, table in blocks}


def test_profiles_are_shown_where_the_value_asked_for_has_its_quantiles(gammas):
    """A few of the points that JSON has, with the same figures."""
    words = ["--against", "gamma=0.95"]
    shown = text(gammas, *words)
    told = aggregate(gammas, *words)["against"]
    scores = told["scores"]
    names = {"return_end": "return at the end", "return_training": "return in training",
             "return_evaluation": "return at the last evaluation"}
    found = profiles_of(shown)
    assert list(found) == [names[one] for one in QUANTITIES[2:] if any(
        score["estimable"] for score in scores if score["quantity"] == one)]
    for quantity, name in names.items():
        mine = [one for one in scores if one["quantity"] == quantity and one["estimable"]]
        if not mine:
            continue
        asked = next((one for one in mine if one["value"] == 0.95), mine[0])
        nearest = {share: int(np.argmin(np.abs(np.array(asked["profile"]["share"]) - share)))
                   for share in (0.9, 0.75, 0.5, 0.25, 0.1)}
        assert [(one["share"], one["point"]) for one in told["short"]
                if one["quantity"] == quantity] == list(nearest.items())
        points = sorted(set(nearest.values()))
        head, *rows = found[name]
        assert len(head) == len(points) + 1 > 3 and head[0] == "gamma"
        tau = [float(word.removeprefix("> ")) for word in head[1:]]
        step = asked["profile"]["tau"][1] - asked["profile"]["tau"][0]
        assert np.all(np.abs(tau - np.array(asked["profile"]["tau"])[points]) < step / 2)
        assert [row[0] for row in rows] == [str(one["value"]) for one in mine]
        for row, one in zip(rows, mine):
            ends = [[one["profile"][key][point] for key in ("share", "lower", "upper")]
                    for point in points]
            assert row[1:] == [f"{share:.2f}" if lower is None else
                               f"{share:.2f} [{lower:.2f}, {upper:.2f}]"
                               for share, lower, upper in ends]


def test_a_profile_of_equal_returns_has_a_column_for_each_point(tmp_path):
    """Points are not shown twice, and one is enough where all returns are the same."""
    path = settle(synthetic.make(tmp_path, SMALL % (400, 3, PAIR)), [CENSORED] * 8)
    with h5py.File(path, "r+") as file:
        file["evaluation_reward"][:] = -2.5
        rows = file["reward"][:]
        rows[:] = np.where(file["gamma"][:] == 0.9, -100.0, -900.0)[:, None]
        file["reward"][:] = rows
        synthetic.commit(file, [CENSORED] * 8)
    found = profiles_of(text(path, "--against", "gamma=0.9"))
    assert found["return at the last evaluation"] == [
        ["gamma", "> -2.50"], ["0.9", "0.00"], ["0.95", "0.00"]]
    assert found["return at the end"] == [
        ["gamma", "> -900", "> -100"], ["0.9", "1.00", "0.00"], ["0.95", "0.00", "0.00"]]


def test_a_difference_that_rounds_to_nothing_has_no_sign(tmp_path):
    path = settle(synthetic.make(tmp_path, SMALL % (400, 3, PAIR)), [CENSORED] * 8)
    with h5py.File(path, "r+") as file:
        for name, step in (("reward", 0.001), ("evaluation_reward", 0.02)):
            rows = file[name][:]
            rows[file["gamma"][:] == 0.95] = rows[file["gamma"][:] == 0.9] - step
            file[name][:] = rows
        synthetic.commit(file, [CENSORED] * 8)
    told = {one["quantity"]: one["difference"]
            for one in aggregate(path, "--against", "gamma=0.9")["against"]["pooled"]}
    assert -0.005 < told["return_end"] < 0 and told["return_evaluation"] < -0.01
    shown = text(path, "--against", "gamma=0.9")
    latex = text(path, "--against", "gamma=0.9", "--format", "latex")
    assert not re.search(r"-0\.0*(?![0-9])", shown) and "-0.02" in shown
    assert not re.search(r"\$-\$0\.0*(?![0-9])", latex) and "$-$0.02" in latex


def test_latex_has_the_rows_of_the_table(gammas):
    words = ["--against", "gamma=0.95"]
    shown, latex = text(gammas, *words), text(gammas, *words, "--format", "latex")
    plain = latex.replace("$-$", "-").replace("$>$", ">").replace("\\_", "_").replace("\\%", "%")
    rows = [line.removesuffix(" \\\\").split(" & ") for line in plain.splitlines()
            if line.endswith("\\\\") and " & " in line]
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert all(" ".join(" ".join(row).split()) in lines for row in rows)
    titles = re.findall(r"\\caption{(.*)}", plain)
    short = [title for title in titles if len(title) < 98]  # not in two lines
    assert short == [line for line in shown.splitlines() if line in short]
    assert titles[0].startswith("gamma: differences from 0.95") and len(titles) > 20
    assert latex.count("\\begin{longtable}") == latex.count("\\end{longtable}")


# What is refused


WRONG = {
    "gamma": "--against: 'gamma' is not a value of an axis, expected AXIS=VALUE\n",
    "": "--against: '' is not a value of an axis, expected AXIS=VALUE\n",
    "=0.9": "--against: '' is not an axis of the configurations, expected one of actor_lr, "
            "critic_lr, gamma",
    "tau=0.1": "--against: 'tau' is not an axis of the configurations, expected one of actor_lr, "
               "critic_lr, gamma\n",
    "seed=1": "--against: 'seed' is not an axis of the configurations, expected one of actor_lr, "
              "critic_lr, gamma\n",
    "actr_lr=1": "expected one of actor_lr, critic_lr, gamma; did you mean training.actor_lr?\n",
    "gamma=0.8": "--against: no run of the file has gamma=0.8, expected one of 0.9, 0.95, 0.99\n",
    "gamma=x": "--against: training.gamma: 'x' is not a number, expected ",
    "gamma=": "--against: training.gamma: '' is not a number, expected ",
    "gamma=2": "--against: training.gamma: ",
    "gamma=0.9,actor_lr=0.1": "--against: training.gamma: '0.9,actor_lr=0.1' is not a number, ",
}


@pytest.mark.parametrize("word", WRONG)
def test_what_is_refused(word, gammas, tmp_path):
    done = run("aggregate", gammas, "--against", word, "-o", tmp_path / "o")
    assert (done.returncode, done.stdout) == (2, "") and WRONG[word] in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_axis_that_is_pooled_is_none(gammas):
    done = run("aggregate", gammas, "--by", "actor_lr", "--against", "gamma=0.9")
    assert done.returncode == 2
    assert done.stderr.endswith("'gamma' is not an axis of the configurations, expected one of "
                                "actor_lr\n")


def test_words_that_are_drawn(tmp_path):
    """A figure or a sentence, and never anything else."""
    path = settle(synthetic.make(tmp_path, SMALL % (400, 3, PAIR)), [CENSORED] * 8)
    drawn = random.Random(3)
    for _ in range(60):
        word = list(drawn.choice(["gamma=0.9", "training.gamma=0.95", "actor_lr=1e-4", "seed=1"]))
        for _ in range(drawn.randrange(4)):
            place = drawn.randrange(len(word) + 1)
            word[place:place + drawn.randrange(2)] = drawn.choice(
                ["=", ",", ".", "%s", "\n", "ä", "9" * 300, "-", " ", "nan", "inf", "\x1b"])
        done = run("aggregate", path, "--against=" + "".join(word), "--bootstrap", "40")
        assert done.returncode in (0, 2), word
        assert (done.stdout == "") == (done.returncode == 2)
        if done.returncode == 2:
            assert done.stderr.startswith("ccmsweep: --against: ") and done.stderr.count("\n") == 1
