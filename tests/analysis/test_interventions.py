# SPDX-License-Identifier: MIT
"""Figures on --against: what they show of comparisons, and that nothing is cut or hidden with many
values, odd names and parts that are missing."""
import math
import re

import h5py
import matplotlib.image
import numpy as np
import pytest
import synthetic
from aggregate_case import SMALL
from analysis_case import FEW_DRAWS
from figure_case import figure_of, same, study_of, swept, words_in
from interventions_case import against, labelled, many, path, study, told
from matplotlib.backends.backend_agg import FigureCanvasAgg
from program import PROGRAM

from ccmsweep_analysis import canvas as paper_of_figures
from ccmsweep_analysis import drawing, findings, study as studies
from ccmsweep_analysis.against import Against
from ccmsweep_analysis.figures import FIGURES, SECTIONS, caption_of, interventions, tails

__all__ = ["against", "labelled", "many", "path", "study", "told"]
NAMES = [draw.__name__ for draw in SECTIONS["interventions"]]
COMPARING = [name for name in NAMES if name != "momentum_tail"]


# Figures


def cells(study, told, quantity):
    """Differences by configuration, of the comparisons of a quantity."""
    return {one["a"]: one for one in told["comparisons"] if one["quantity"] == quantity}


def test_the_matrix_is_the_comparisons(study, told, against):
    axes = figure_of(study, "intervention_matrix").axes[0]
    rows = [text.get_text() for text in axes.get_yticklabels()]
    assert rows[0].replace("\n", " ") == "adam_beta1 0.9 (reference)"
    assert sorted(rows[1:]) == ["adam_beta1 0.5", "adam_beta1 0.95"]
    shown = np.ma.filled(axes.images[0].get_array().astype(float), np.nan)
    known, words, hatched = cells(study, told, "rmst"), [], 0
    texts = {tuple(map(round, text.get_position())): text.get_text() for text in axes.texts}
    for y, value in enumerate(against.values):
        for x, place in enumerate(against.places):
            one = against.at(value, place)
            told_ = known.get(one.index) if one else None
            assert same(shown[y, x], math.nan if told_ is None else told_["difference"])
            assert ((x, y) in texts) == (one is not None)
            if one is None:
                continue
            counted = f"{one.told['fates']['events']}/{one.observed}"
            assert counted == texts[x, y].split("\n")[-1]
            if y == 0:
                assert texts[x, y].split("\n")[0] == f"{one.told['rmst']['value']:.0f}"
            else:
                assert texts[x, y].startswith("-") == (told_["difference"] < 0)
                assert ("*" in texts[x, y]) == (told_["p_holm"] < 0.05)
            hatched += one.told["fates"]["events"] < one.observed
            words.append(texts[x, y])
    assert 0 < hatched < len(words)
    assert len([patch for patch in axes.patches if patch.get_hatch()]) == hatched
    assert any("*" in text for text in words) and any("*" not in text for text in words[4:])
    low, high = axes.images[0].get_clim()
    assert low == -high and high == np.nanmax(np.abs(shown))


def test_less_and_more_differ_in_grey():
    bright = [np.dot(interventions.SHADES(x)[:3], (0.3, 0.59, 0.11))
              for x in np.linspace(0, 1, 21)]
    assert min(np.diff(bright)) > 0.01 and bright[0] < 0.25 and bright[-1] > 0.9
    # Curves differ in dashes and marks, causes in hatching, also where their colours are alike.
    lines = {(str(style["linestyle"]), style["marker"]) for style in
             (interventions.curve_style(place, 25) for place in range(1, 25))}
    assert len(lines) == 24
    assert len(set(interventions.HATCHES.values())) == len(paper_of_figures.CAUSES)


def test_returns_that_are_not_estimable_are_crossed_out(study, told, against):
    for one in told["comparisons"]:
        if one["quantity"] == "return_evaluation" and one["a"] in [
                against.at(0.5, place).index for place in against.places
                if against.at(0.5, place)][:2]:
            one |= {"difference": None, "lower": None, "upper": None, "p_holm": None}
    axes = figure_of(study, "intervention_returns").axes[0]
    known = cells(study, told, "return_evaluation")
    crossed = sum(text == "×" for text in words_in(axes))
    assert crossed == sum(one["difference"] is None for one in known.values()) > 0
    shown = axes.images[0].get_array()
    assert sorted(np.ma.compressed(shown)) == sorted(
        one["difference"] for one in known.values() if one["difference"] is not None)


def test_the_forest_is_the_pooled_differences(study, told, against):
    canvas = drawing.draw(study, "intervention_forest")
    assert "Each mean is over n = 4 configurations with 5 seeds." in canvas.notes
    assert "Adjusted by Holm among 2 tests, level 0.05." in canvas.notes
    figure = canvas.figure
    assert len(figure.axes) == 3
    for axes, quantity in zip(figure.axes, ("rmst", "never", "return_evaluation")):
        pooled = {one["value"]: one for one in told["pooled"] if one["quantity"] == quantity}
        rows = [pooled[value] for value in against.others]
        zero, *marks = axes.lines
        assert list(zero.get_xdata()) == [0, 0]
        found = {}
        for line in marks:
            for x, y in zip(line.get_xdata(), line.get_ydata()):
                found[int(y)] = (x, line.get_marker(), line.get_markerfacecolor())
        bars = [tuple(part[:, 0]) for bars in axes.collections for part in bars.get_segments()]
        assert same(bars, [(one["lower"], one["upper"]) for one in rows
                           if one["lower"] is not None] or np.empty(0))
        for y, one in enumerate(rows):
            x, marker, face = found[y]
            if one["difference"] is None:
                assert marker == "x"
            else:
                assert marker == "o" and x == one["difference"]
                assert face == ("black" if one["p_holm"] < 0.05 else "white")


def test_survival_of_all_values(study, against):
    figure = figure_of(study, "intervention_survival")
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert len(shown) == len(against.places) == 6
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == [against.value_name(value) for value in against.values]
    for axes, place in zip(shown, against.places):
        assert axes.get_title(loc="left").endswith(against.place_name(place))
        mine = [one for value in against.values if (one := against.at(value, place))]
        curves = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
        assert len(curves) == len(mine)
        assert curves[0].get_linewidth() > 2 > max(
            [line.get_linewidth() for line in curves[1:]], default=0)
        for line, one in zip(curves, mine):
            curve = one.told["curve"]
            assert same(line.get_xdata()[:-1], [0, *curve["time"]])
            assert same(line.get_ydata(), [1, *curve["survival"], curve["survival"][-1]])


def test_causes_add_up(study, against):
    figure = figure_of(study, "intervention_causes")
    for axes, place in zip(figure.axes, against.places):
        widths = {}
        for part in axes.containers[1:]:
            for bar in part:
                y = round(bar.get_y() + bar.get_height() / 2)
                widths[y] = widths.get(y, 0) + bar.get_width()
                assert bar.get_hatch()
        for y, value in enumerate(against.values):
            one = against.at(value, place)
            assert (y in widths) == (one is not None)
            if one:
                survival = one.told["curve"]["survival"][-1]
                assert math.isclose(widths[y], 1 - survival, abs_tol=1e-9)


@pytest.mark.parametrize("decide, episodes", [
    ((0.5, "f32", "keep", "adam", 1), 24), ((0.9, "f32", "keep", "adam", 1), 158),
    ((0.99, "f32", "keep", "adam", 1), 1655), ((0.9, "f64", "keep", "adam", 1), 349),
    ((0.9, "f32", "keep", "adam", 2), 316), ((0.9, "f32", "skip", "adam", 3), 0),
    ((0.9, "f32", "reset_moments", "adam", 1), 0), ((0.9, "f64", "skip", "adam", 1), 0),
    ((0.0, "f32", "keep", "adam", 1), 0), ((0.9, "f32", "keep", "sgd", 1), None)])
def test_predicted_tails(decide, episodes):
    found = tails.predicted_tail(*decide)
    assert found is None if episodes is None else round(found) == episodes


def test_tails_beside_their_predictions(study, path):
    axes = figure_of(study, "momentum_tail").axes[0]
    rows = [text.get_text() for text in axes.get_yticklabels()]
    expected = {"beta1 0.5, f32": 24, "beta1 0.9, f32": 158, "beta1 0.95, f32": 324,
                "beta1 0.9, f64": 349, "beta1 0.9, f32, skip": 0}
    with h5py.File(path) as file:
        names = {name: file[name][:] for name in ("adam_beta1", "last_change", "gradient_zero")}
        precise, skip = (file[name][:] != 0 for name in ("networks_actor_precision",
                                                         "zero_gradient"))
    tail = names["last_change"] - names["gradient_zero"] + 1
    both = (names["last_change"] > 0) & (names["gradient_zero"] > 0)
    seen = both & (tail >= 0)
    floor = 10.0 ** (math.floor(math.log10(tail[seen & (tail > 0)].min())) - 1)
    ranges, predictions = (part.get_segments() for part in axes.collections[:2])
    bars = {int(part[0, 1]): part[:, 0] for part in ranges}
    marks = {line.get_marker(): line for line in axes.lines}
    for y, name in enumerate(rows):
        beta1 = float(re.search(r"beta1 ([\d.]+)", name)[1])
        here = (np.isclose(names["adam_beta1"], beta1) & (precise == ("f64" in name))
                & (skip == ("skip" in name)))
        mine, known = tail[here][seen[here]], int(both[here].sum())
        assert known and (y in bars) == (len(mine) > 0)
        if len(mine):
            assert same(bars[y], [mine.min() or floor, mine.max() or floor])
        assert (y + 0.25 in marks["<"].get_ydata()) == (known > len(mine))
        at = predictions[y][0, 0]
        assert round(at) == expected[name] if expected[name] else at == floor
        words = words_in(axes)[y].split("; ")
        assert words[0] == str(expected[name]) and words[2] == f"{len(mine)} of {known}"
        assert (words[1] == "none") == (len(mine) == 0)
    assert {"beta1 0.5, f32", "beta1 0.9, f32", "beta1 0.9, f32, skip"} <= set(rows)
    assert sorted(marks["o"].get_xdata()) == sorted(
        one.told["tail"]["value"] or floor for one in study.configurations if one.told["tail"]["actors"])
    assert axes.get_xticklabels()[0].get_text() == "0"


def test_tails_of_actors_that_rest(tmp_path):
    """With actor_every alone: two updates of the actors are so many episodes apart."""
    study = study_of(swept(tmp_path, SMALL % (
        600, 3, "  actor_every: [1, 2]\n  actor_lr: [0.1]\n  critic_lr: [0.1]\n  seed: 1-4\n")))
    axes = figure_of(study, "momentum_tail").axes[0]
    rows = [text.get_text() for text in axes.get_yticklabels()]
    assert rows == ["beta1 0.9, f32", "beta1 0.9, f32, every 2"]
    (one, ones), (two, twos) = [map(int, text.split("; ")[:2]) for text in words_in(axes)]
    assert (one, two) == (158, 316) and abs(ones - one) < 4 and abs(twos - two) < 8


def test_two_conditions(study, told, against):
    figure = figure_of(study, "intervention_conditions")
    above, below = figure.axes
    pooled = {one["value"]: abs(one["difference"]) for one in told["pooled"]
              if one["quantity"] == "rmst"}
    value = max(pooled, key=pooled.get)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "adam_beta1 0.9", against.value_name(value)]
    places = [place for place in against.places if against.at(value, place)]
    heights = sorted(bar.get_height() for bar in above.patches)
    assert same(heights, sorted(against.at(which, place).told["rmst"]["value"]
                                for which in (0.9, value) for place in against.places
                                if against.at(which, place)))
    known = cells(study, told, "rmst")
    assert same([bar.get_height() for bar in below.patches],
                [known[against.at(value, place).index]["difference"] for place in places])


# Files that have less, and more


@pytest.mark.parametrize("name", COMPARING)
def test_without_a_comparison_there_is_nothing_to_draw(path, name):
    with pytest.raises(paper_of_figures.NothingToDraw, match="without labels needs --against"):
        drawing.draw(study_of(path), name)


ODD = ["$x_1$", "a" * 60, "the-label-of-a-long-name-with-many-parts-2e-4", r"\frac{", "実験",
       "%&#~^", "\x1b[31m", "_", "-", "…"]


@pytest.mark.parametrize("name", COMPARING)
def test_twenty_values_of_odd_names_fit(many, name, tmp_path, monkeypatch):
    monkeypatch.setattr(Against, "value_name",
                        lambda self, value: ODD[round(value * 50) % len(ODD)])
    canvas = drawing.draw(studies.Study(many), name)
    drawing.save(canvas, tmp_path / "drawn.png")
    pixels = matplotlib.image.imread(tmp_path / "drawn.png")
    assert pixels.std() > 0.02
    assert (pixels[[0, -1]] == 1).all() and (pixels[:, [0, -1]] == 1).all()
    # Words of neighbouring cells and rows do not touch.
    paint = FigureCanvasAgg(canvas.figure).get_renderer()
    for axes in canvas.figure.axes:
        for labels in (axes.texts, axes.get_yticklabels()):
            boxes = [text.get_window_extent(paint) for text in labels if text.get_text()]
            assert not any(one.overlaps(other) for place, one in enumerate(boxes)
                           for other in boxes[place + 1:])


def test_many_values_have_a_panel_each(many):
    """Of the place where restricted means differ most, each beside the reference."""
    study = studies.Study(many)
    against, canvas = Against(study), drawing.draw(study, "intervention_survival")
    canvas.figure.draw_without_rendering()
    assert "1 of 8 columns shown: where restricted means differ most." in canvas.notes

    def spread(place):
        return np.ptp([against.at(value, place).told["rmst"]["value"] for value in against.values])
    widest = max(against.places, key=spread)
    assert f"All panels: actor_lr / critic_lr {against.place_name(widest)}." in canvas.notes
    shown = [axes for axes in canvas.figure.axes if axes.get_visible()]
    assert len(shown) == len(against.others) == 19
    for axes, value in zip(shown, against.others):
        title = axes.get_title(loc="left")
        assert title and against.value_name(value).startswith(title.rstrip("…"))
        thick, thin = axes.lines  # the reference is light also in grey
        assert (thick.get_color(), thin.get_color()) == ("#aaaaaa", "black")
        assert thick.get_linewidth() > 2 > thin.get_linewidth()
        for line, which in zip(axes.lines, (against.reference, value)):
            survival = against.at(which, widest).told["curve"]["survival"]
            assert same(line.get_ydata(), [1, *survival, survival[-1]])
        ticks = [text.get_window_extent() for text in axes.get_xticklabels() if text.get_text()]
        assert not any(one.overlaps(other) for one, other in zip(ticks, ticks[1:]))


def test_captions_say_what_is_counted(study):
    """What n is, and what hatching means, of every figure that has them."""
    said = {name: " ".join([caption_of(FIGURES[name]), *drawing.draw(study, name).notes])
            for name in COMPARING}
    for name in ("intervention_matrix", "intervention_returns", "intervention_conditions"):
        assert "Each difference is of 5 pairs of runs with the same seed." in said[name], name
    assert "k/n: k of all n runs of the cell stopped" in said["intervention_matrix"]
    assert "Each mean is over n = 4 configurations with 5 seeds." in said["intervention_forest"]
    for name in ("intervention_survival", "intervention_causes"):
        assert "n = 5 runs a configuration." in said[name]
    for name in ("intervention_matrix", "intervention_causes", "intervention_conditions"):
        assert re.search("Hatched: |Hatching shows ", said[name]), name


def test_parts_that_are_missing(many):
    """Comparisons of which some or all are not estimable: a reason, or a figure without them."""
    def without(change):
        snapshot = studies.Snapshot(many.path, {**many.told}, "", many.done)
        snapshot.told["against"] = change(many.told["against"])
        return studies.Study(snapshot)
    unknown = {"difference": None, "lower": None, "upper": None, "p": None, "p_holm": None}
    empty = without(lambda told: {**told, "comparisons": [], "pooled": [], "families": []})
    nothing = without(lambda told: {
        **told, "comparisons": [one | unknown for one in told["comparisons"]],
        "pooled": [one | unknown | {"note": "no pairs"} for one in told["pooled"]]})
    bare = without(lambda told: {
        **told, "pooled": [one | {"lower": None, "upper": None, "p": None, "p_holm": None}
                           for one in told["pooled"]]})
    assert Against(bare).return_quantity() == "return_evaluation"
    assert Against(without(lambda told: {**told, "pooled": [
        one | (unknown if one["quantity"] == "return_evaluation" else {"difference": 1.0})
        for one in told["pooled"]]})).return_quantity() == "return_end"
    for study in (empty, nothing, bare):
        for name in COMPARING:
            try:
                figure_of(study, name)
            except paper_of_figures.NothingToDraw as reason:
                assert "can be estimated" in str(reason) and study is not bare
        assert findings.pooled_table(study)[1] and dict(findings.numbers_of(study))
    said = findings.pooled_table(nothing)[1][1]
    assert "not estimable" not in said and "[" not in "".join(map(str, said))
    assert any(note.endswith("(no pairs).") for note in findings.table_notes(nothing))


# Labels, as aggregate compares them


def test_labels_are_compared_with_the_published_one(labelled, tmp_path):
    study = study_of(labelled, *FEW_DRAWS)
    against = Against(study)
    assert (against.axis, against.reference) == ("label", "published")
    assert against.values == ["published", "clip-1", "skip_zero"]
    for name in NAMES:
        drawn = drawing.draw_to_files(study, name, tmp_path, ["png"])
        assert drawn.reason == ""
        pixels = matplotlib.image.imread(drawn.files["png"])
        assert (pixels[[0, -1]] == 1).all() and (pixels[:, [0, -1]] == 1).all()
    rows = figure_of(study, "momentum_tail").axes[0].get_yticklabels()
    assert rows[0].get_text() == "skip_zero" and len(rows) <= 3
    other = Against(study_of(labelled, "--against", "label=clip-1", *FEW_DRAWS))
    assert other.values == ["clip-1", "published", "skip_zero"]
    # What the difference is, once more from the file: the same pairs of seeds, the same means.
    place = against.places[-1]
    with h5py.File(labelled) as file:
        names = file["label"].attrs["flag_meanings"].decode().split()
        label, rate, seed = (file[name][:] for name in ("label", "actor_lr", "seed"))
        last = {}
        for value in ("published", "clip-1"):
            here = (label == names.index(value)) & (rate == 0.1)
            stop = file["stopping_episode"][:][here]
            last[value] = np.where(stop > 0, stop, 300)[np.argsort(seed[here])].mean()
    told = against.compared("rmst", "clip-1", place)
    assert place[0] == 0.1
    assert math.isclose(told["difference"], last["clip-1"] - last["published"], abs_tol=1e-9)


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """What the program is asked, call by call."""
    log, program = tmp_path / "asked", tmp_path / "ccmsweep"
    program.write_text(f"#!/bin/sh\necho \"$*\" >>'{log}'\nexec '{PROGRAM}' \"$@\"\n")
    program.chmod(0o755)
    monkeypatch.setenv("CCMSWEEP", str(program))
    return lambda: log.read_text("utf-8").splitlines()


def of_labels(folder, *labels):
    """The file of a sweep with these labels, which nobody trained."""
    blocks = "".join(
        f"  - {{label: {label}, gamma: [0.{place}], actor_lr: [0.1, 0.01], seed: 1-3}}\n"
        for place, label in enumerate(labels, 1))
    made = synthetic.make(folder, SMALL % (300, 3, blocks))
    synthetic.fill(made, [synthetic.STOPPED] * 6 * len(labels))
    return made


@pytest.mark.parametrize("labels, options, compared", [
    (["b", "published", "a"], [], "label=published"), (["zeta", "alpha"], [], "label=zeta"),
    (["zeta", "alpha"], ["--by=actor_lr"], None), (["alone"], [], None),
    (["zeta", "alpha"], ["--by=actor_lr,label"], "label=zeta"),
    (["zeta", "alpha"], ["--against=actor_lr=0.1"], "actor_lr=0.1")])
def test_the_usual_comparison(tmp_path, asked, labels, options, compared):
    """Estimates are asked for once, with what is compared."""
    path = of_labels(tmp_path, *labels)
    told = studies.take_snapshot(path, [*FEW_DRAWS, *options]).told["against"]
    assert (told and f"{told['axis']}={told['value']}") == compared
    of_estimates = [words for words in asked() if words.startswith("aggregate ")]
    assert len(of_estimates) == 1 and (compared is None) == ("--against" not in of_estimates[0])
