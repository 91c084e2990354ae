# SPDX-License-Identifier: MIT
"""Words on --against: sentences on what the intervals support, and the sections of the report and of
the paper that have them."""
import copy
import json
import re
import shutil

import numpy as np
import pytest
from analysis_case import FEW_DRAWS, FEW_FIGURES, analysis
from figure_case import study_of
from interventions_case import against, labelled, many, path, snapshot_against, study, told
from program import run
from report_case import text_of

from ccmsweep_analysis import findings, study as studies
from ccmsweep_analysis.against import Against
from ccmsweep_analysis.figures import SECTIONS
from ccmsweep_analysis.latex import escape
from ccmsweep_analysis.words import number

__all__ = ["against", "labelled", "many", "path", "study", "told"]


# Sections of the report and the paper


@pytest.fixture(scope="module")
def folder(labelled, tmp_path_factory):
    made = tmp_path_factory.mktemp("pages")
    done = analysis("report", labelled, "-o", made, "--latex", start=FEW_FIGURES)
    assert (done.returncode, done.stderr) == (0, "")
    return made


@pytest.fixture(scope="module")
def pooled(labelled):
    """Pooled differences of means, as aggregate has them."""
    done = run("aggregate", labelled, "--format", "json", "--against", "label=published", *FEW_DRAWS)
    return {one["value"]: one for one in json.loads(done.stdout)["against"]["pooled"]
            if one["quantity"] == "rmst"}


def test_the_section_of_the_report(folder, labelled, pooled):
    page = (folder / "report.html").read_text("utf-8")
    heads = re.findall(r"<h2>(\d)\. (.*?)</h2>", page)
    assert [int(number) for number, _ in heads] == list(range(1, 10))
    assert heads[4][1] == "Interventions" and '<a href="#interventions">' in page
    section = page.split('<section id="interventions">')[1].split("</section>")[0]
    assert re.findall(r'<figure id="(\w+)">', section) == [draw.__name__ for draw in SECTIONS["interventions"]]
    words = text_of(re.sub(r'src="[^"]*"|alt="[^"]*"', "", section))
    assert words.startswith("5. Interventions Differences from the reference, mean over the grid")
    study = study_of(labelled, *FEW_DRAWS)
    for row in findings.pooled_table(study)[1]:
        assert all(str(cell) in words for cell in row)
    for one in pooled.values():
        assert f"{one['difference']:+.1f} [{one['lower']:.1f}, {one['upper']:.1f}]" in words
    # What labels set, as the program's own tables have it.
    labels = page.split("<caption>label, and what it sets</caption>")[1].split("</table>")[0]
    rows = [re.findall(r"<td[^>]*>(.*?)</td>", row) for row in labels.split("<tr")[2:]]
    assert [row[1] for row in rows] == [
        words or "-" for words in study.told["axes"][0]["sets"]] and rows[1][1] == "clip_actor 1"
    assert [row[0] for row in rows] == ["published", "clip-1", "skip_zero"]
    assert "label, and what changes with it" not in page
    # The same settings make the same comparison again.
    assert "--against label=published" in text_of(page)


def test_the_section_of_the_paper(folder, labelled, pooled):
    text = (folder / "paper/paper.tex").read_text("utf-8")
    numbers = dict(re.findall(r"\\sweepnumber\{(.*?)\}\{(.*)\}",
                              (folder / "paper/numbers.tex").read_text("utf-8")))
    assert r"\subsection{Interventions}" in text
    wanted = set(re.findall(r"\\sweep\{(against/[^}]*)\}", text))
    assert len(wanted) > 10 and wanted <= set(numbers)
    for value, one in pooled.items():
        assert numbers[f"against/rmst/{value}"] == (
            f"{one['difference']:+.1f} [{one['lower']:.1f}, {one['upper']:.1f}]")
    study = study_of(labelled, *FEW_DRAWS)
    told = study.told["against"]
    for one in told["comparisons"]:
        place = "/".join(map(number, study.configurations[one["a"]].values))
        name = f"{one['quantity'].replace('_', '-')}/{place}"
        assert place.count("/") == 2 and numbers[f"against/{name}"] == escape(
            findings.difference_words(one, one["quantity"]))
        assert (f"against/p-holm/{name}" in numbers) == (one["p_holm"] is not None)
    scores = [one for one in told["scores"] if one["estimable"]]
    profiles = {name: words for name, words in numbers.items()
                if name.startswith("against/profile/")}
    assert len(profiles) == 5 * len(scores)
    for one in scores:
        quantity, profile = one["quantity"].replace("_", "-"), one["profile"]
        for share in ("0.9", "0.5", "0.1"):
            at = float(numbers[f"against/profile-return/{quantity}/{share}"])
            point = min(range(51), key=lambda k: abs(profile["tau"][k] - at))
            words = profiles[f"against/profile/{quantity}/{one['value']}/{share}"]
            assert float(words.split()[0]) == round(profile["share"][point], 2)
    items = text.split(r"\begin{itemize}\setlength{\itemsep}{0pt}")[-1].split(r"\end{itemize}")[0]
    assert items.count(r"runs did not stop by \sweep{limit}") == 2
    assert items.count("moved again") == items.count(r"\sweep{against/moved-again/") == sum(
        f"against/moved-again/{value}" in numbers for value in pooled)
    assert set(re.findall(r"\\ref\{(fig:\w+)\}", text)) == set(
        re.findall(r"\\label\{(fig:\w+)\}", text))
    if shutil.which("pdflatex"):
        log = (folder / "paper/paper.log").read_text(errors="replace")
        assert (folder / "paper/paper.pdf").read_bytes()[:4] == b"%PDF"
        assert not re.search("undefined|multiply defined|Missing character", log)


# Sentences


def cells_of(study, value, column):
    """Cells of the pooled table of a value, in all columns of this name."""
    head, rows = findings.pooled_table(study)
    row, = (row for row in rows if row[0] == value)
    return [cell for name, cell in zip(head, row) if name == column]


def test_the_pooled_table_says_what_tests_support(study, told, against):
    pooled = {(one["quantity"], one["value"]): one for one in told["pooled"]}
    for value in against.others:
        name, one = against.value_name(value), pooled["rmst", value]
        verdict = ("no difference shown" if one["p_holm"] >= 0.05 else
                   "stops later" if one["difference"] > 0 else "stops earlier")
        assert cells_of(study, name, "in words")[0] == (
            findings.opposite_words(study, against, value, "rmst") or verdict)
        assert cells_of(study, name, "RMST, episodes [95 %]") == [
            f"{one['difference']:+.1f} [{one['lower']:.1f}, {one['upper']:.1f}]"]
        mine = [against.at(value, place).told["never"] for place in against.places
                if against.at(value, place)]
        assert cells_of(study, name, "not by 300") == [
            f"{sum(one['count'] for one in mine)} of {sum(one['of'] for one in mine)}"]
    assert cells_of(study, "adam_beta1 0.9", "in words")[0] == "-"


def test_sentences_are_those_of_aggregate(study):
    assert findings.sentences(study) == [
        f"{one['sentence'][0].upper()}{one['sentence'][1:]}." for one in study.told["findings"]]
    told = [{"rule": "against_rmst", "sentence": "compared with a, b"},
            {"rule": "all", "sentence": "all of 3"}]
    made = studies.Study(studies.Snapshot(study.sweep.path, {**study.told, "findings": told}, "",
                                          study.sweep.done))
    assert findings.sentences(made) == ["Compared with a, b.", "All of 3."]
    assert findings.sentences(made, "against") == ["Compared with a, b."]


def test_runs_that_moved_again_are_told(path):
    """Of the label's own configurations where both sides are known, and of none no word."""
    snapshot = snapshot_against(path, "adam_beta1", 0.9)
    study = studies.Study(snapshot)
    against = Against(study)
    for one in snapshot.told["configurations"]:
        one["moved_again"] = 0
    for value in against.values:
        assert cells_of(study, against.value_name(value), "moved again") == ["-"]
    mine = [against.at(0.5, place).told for place in against.places if against.at(0.5, place)]
    mine[0]["moved_again"], mine[1]["moved_again"] = 2, 1
    events = sum(one["fates"]["events"] for one in mine)
    assert cells_of(study, "adam_beta1 0.5", "moved again") == [f"3 of {events}"]
    assert cells_of(study, "adam_beta1 0.95", "moved again") == ["-"]
    assert dict(findings.numbers_of(study))["against/moved-again/0.5"] == f"3 of {events}"
    # Of another event than first_still of all actors it is not known.
    for one in mine:
        one["moved_again"] = None
    assert cells_of(study, "adam_beta1 0.5", "moved again") == ["-"]


def with_signs(path, quantity, signs):
    """A study of which value 0.5 has significant differences of these signs at its places, and is
    pooled significantly above the reference; and no other value differs."""
    snapshot = snapshot_against(path, "adam_beta1", 0.9)
    told = snapshot.told["against"]
    for one in (*told["comparisons"], *told["pooled"]):
        one |= {"difference": 1.0, "p_holm": 0.5}
    axes = [one["axes"] for one in snapshot.told["configurations"]]
    mine = [one for one in told["comparisons"]
            if one["quantity"] == quantity and axes[one["a"]]["adam_beta1"] == 0.5]
    for one, sign in zip(mine, signs):
        one |= {"difference": float(sign or -1), "p_holm": 0.01 if sign else 0.5}
    for one in told["pooled"]:
        if one["value"] == 0.5 and one["quantity"] in (quantity, "rmst"):
            one["p_holm"] = 0.01
    study, names = studies.Study(snapshot), {}
    for place in Against(study).places:
        if one := Against(study).compared(quantity, 0.5, place):
            names.setdefault(np.sign(one["difference"]) if one["p_holm"] < 0.05 else 0, []).append(
                Against(study).place_name(place))
    return study, names


ALL = "actor_lr / critic_lr / zero_gradient / actor_precision"


def test_opposite_signs_are_not_pooled(path):
    study, names = with_signs(path, "rmst", (1, -1, -1, 0))
    words = (f"later at {ALL} {names[1][0]}, "
             f"earlier at {ALL} {' and '.join(names[-1])}")
    assert len(names[-1]) == 2 and cells_of(study, "adam_beta1 0.5", "in words")[0] == words
    assert cells_of(study, "adam_beta1 0.95", "in words")[0] == "no difference shown"
    assert dict(findings.numbers_of(study))["against/verdict/rmst/0.5"] == words
    # Differences that are not significant have no side, nor those of one sign.
    for signs in ((1, 1, 0, 0), (1, 0, 0, 0)):
        assert cells_of(with_signs(path, "rmst", signs)[0], "adam_beta1 0.5", "in words")[0] == (
            "stops later")


def test_opposite_signs_of_returns(path):
    study, names = with_signs(path, "return_evaluation", (-1, 1, 0, 0))
    words = (f"higher at {ALL} {names[1][0]}, "
             f"lower at {ALL} {names[-1][0]}")
    said = cells_of(study, "adam_beta1 0.5", "in words")
    assert said[0] == "stops later" and words in said


def test_many_places_of_a_sign_are_counted(many):
    study = studies.Study(copy.deepcopy(many))
    against = Against(study)
    value = against.others[0]
    places = [place for place in against.places if against.compared("rmst", value, place)]
    told = [against.compared("rmst", value, place) for place in places]
    for at, one in enumerate(told):
        one |= {"difference": 2.0 if at < 5 else -2.0, "p_holm": 0.001}
    assert findings.supported(study, against, value, "rmst") == (
        "later at 5 of 8 configurations, earlier at actor_lr / critic_lr "
        + " and ".join(against.place_name(place) for place in places[5:]))


def test_names_of_numbers():
    name = Against.number_name
    assert name("clip-1") == "clip-1" and name(0.1) == "0.1" and name("301+298") == "301+298"
    assert not re.search(r"[\\{}#%~^&$]|[^ -~]", name("a\\b{c}#%~^&$ä\x1b"))
