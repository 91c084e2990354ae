# SPDX-License-Identifier: MIT
"""Findings of ccmsweep aggregate: what the rules say of real sweeps, decided a second time from the
figures of the same report, and the same sentences in all its forms. tests/unit has each rule."""
import csv
import io
import math
import re

from against_case import gammas
from aggregate_case import aggregate, mixed, swept, text

# Fixtures, that pytest finds by their names.
__all__ = ["gammas", "mixed", "swept"]

OPEN = {"undecided", "no_difference", "left_out"}


def numbers_of(finding):
    return {one["name"]: one for one in finding["numbers"]}


def spoken(one):
    """Whether the end of all runs of a configuration is known, of two seeds at least."""
    known = one["fates"]["events"] + one["never"]["count"]
    return known == one["runs"] and one["seeds"] > 1


def rule_of(one):
    if one["never"]["upper"] < 0.5:
        return "most" if one["never"]["count"] else "all"
    if one["never"]["lower"] > 0.5:
        return "few" if one["fates"]["events"] else "none"
    return "undecided"


def check(told):
    """Shares and differences of findings are those of configurations and comparisons."""
    findings = {one["rule"]: one for one in told["findings"] if one["rule"] != "axis"}
    assert len(told["findings"]) <= 8
    rules = {}
    for one in filter(spoken, told["configurations"]):
        rules.setdefault(rule_of(one), []).append(one)
    for rule in ("all", "most", "few", "none", "undecided"):
        mine = rules.get(rule, [])
        assert (rule in findings) == bool(mine)
        if not mine:
            continue
        numbers = numbers_of(findings[rule])
        assert numbers["configurations"]["value"] == len(mine)
        assert numbers["runs"]["value"] == sum(one["runs"] for one in mine)
        assert numbers["events"]["value"] == sum(one["fates"]["events"] for one in mine)
        if rule in ("all", "most"):
            most = max(one["never"]["upper"] for one in mine)
            assert f"up to {math.ceil(100 * most)} %" in findings[rule]["sentence"]
            assert numbers["first"]["value"] == min(one["min"] for one in mine)
            assert numbers["last"]["value"] == max(one["max"] for one in mine)
        if rule in ("few", "none"):
            least = min(one["never"]["lower"] for one in mine)
            assert f"up to {math.ceil(100 * (1 - least))} %" in findings[rule]["sentence"]
    axes = [one["sentence"] for one in told["findings"] if one["rule"] == "axis"]
    for axis in (axis["name"] for axis in told["axes"]):
        pairs = [one for one in told["comparisons"] if one["axis"] == axis
                 and all(spoken(told["configurations"][one[side]]) for side in "ab")
                 and one["p_holm"] is not None]
        shown = [one for one in pairs if one["p_holm"] < 0.05 and one["lower"] is not None
                 and one["lower"] * one["upper"] > 0]
        said = [sentence for sentence in axes if f" {axis}" in sentence.split(", by")[0]]
        assert len(said) == bool(shown)
        if said:
            least = min(shown, key=lambda one: abs(one["difference"]))
            ends = sorted(abs(one) for one in (least["lower"], least["upper"]))
            assert (f"{abs(least['difference']):.1f} [{ends[0]:.1f}, {ends[1]:.1f}]") in said[0]
        open_axes = numbers_of(findings["no_difference"]) if "no_difference" in findings else {}
        assert (axis in open_axes) == bool(pairs and all(one["p_holm"] >= 0.05 for one in pairs))
    left = [one for one in told["configurations"] if not spoken(one)]
    assert ("left_out" in findings) == bool(left)
    if left:
        assert numbers_of(findings["left_out"])["configurations"]["value"] == len(left)
    return findings


def test_findings_of_a_sweep(swept):
    told = aggregate(swept)
    findings = check(told)
    assert findings.keys() - OPEN and "left_out" not in findings
    runs = [one["runs"] for one in told["findings"] if one["rule"] not in OPEN]
    assert runs == sorted(runs, reverse=True)
    assert all(one["rule"] in OPEN for one in told["findings"][len(runs):])


def test_nothing_is_said_of_what_is_not_finished(mixed):
    """Each configuration has runs in some other state."""
    told = aggregate(mixed)
    check(told)
    assert told["findings"][0]["rule"] == "left_out"
    fates = told["fates"]
    assert f"{fates['unfinished'] + fates['pending']} runs are not finished" in (
        told["findings"][0]["sentence"])


def test_all_forms_have_the_sentences(swept):
    told = aggregate(swept)["findings"]
    sentences = [one["sentence"] for one in told]
    shown = text(swept)
    head = re.sub(r"\n  (?=\S)", " ", shown).split("\n\n")[0].splitlines()
    assert head[2:2 + len(told)] == [f"finding: {one}" for one in sentences]
    assert not any(line.startswith("finding: ") for line in head[2 + len(told):])
    rows = [row for row in csv.DictReader(io.StringIO(text(swept, "--format", "csv")))
            if row["kind"] == "finding"]
    assert [(row["quantity"], row["note"]) for row in rows] == [
        (one["rule"], one["sentence"]) for one in told]
    latex = text(swept, "--format", "latex").replace("\\_", "_").replace("\\%", "%")
    assert all(f"Finding: {one}." in latex for one in sentences)


def test_findings_against_a_value(gammas):
    """Runs of made-up rows: whatever is said of a value is what the pooled differences support."""
    told = aggregate(gammas, "--against", "gamma=0.95")
    rules = {one["rule"]: numbers_of(one) for one in told["findings"]}
    for quantity in ("rmst", "never"):
        shown = {f"{one['value']}" for one in told["against"]["pooled"]
                 if one["quantity"] == quantity and one["p_holm"] is not None
                 and one["p_holm"] < 0.05 and one["lower"] * one["upper"] > 0}
        signs = {}
        for one in told["against"]["comparisons"]:
            if (one["quantity"] == quantity and one["p_holm"] is not None
                    and one["p_holm"] < 0.05 and one["lower"] is not None):
                value = told["configurations"][one["a"]]["axes"]["gamma"]
                signs.setdefault(f"{value}", set()).add(one["difference"] > 0)
        mixed_signs = {value for value, of in signs.items() if len(of) == 2}
        assert rules.get(f"against_{quantity}", {}).keys() == shown | mixed_signs
