# SPDX-License-Identifier: MIT
"""What figures plot, against the file read a second time and against aggregate's numbers."""
import collections
import itertools
import math
import re

import numpy as np
import pytest
from figure_case import file, path, study, told  # noqa: F401
from figure_case import figure_of, panels, rising, runs_of, same, words_in

from ccmsweep_analysis import canvas as paper, drawing
from ccmsweep_analysis.figures import FIGURES, caption_of
from ccmsweep_analysis.spread import median_interval

# The grid


def test_map_of_means_shows_numbers_and_censoring(study, told):
    axes = figure_of(study, "rmst_map").axes[0]
    values = np.asarray(axes.images[0].get_array()).ravel()
    assert same(values, [one["rmst"]["value"] for one in rising(told)])
    assert [row.get_text() for row in axes.get_yticklabels()] == ["actor_lr 0.001", "actor_lr 0.1"]
    assert [one.get_text() for one in axes.get_xticklabels()] == ["0.001", "0.1"]
    never = [one for one in told["configurations"] if one["fates"]["events"] == 0]
    assert 0 < len(never) < 4
    assert len([patch for patch in axes.patches if patch.get_hatch()]) == len(never)
    written = "\n".join(words_in(axes))
    assert written.count("none by 400\n0 of 7\nnever [0.59, 1.00]") == len(never)
    for one in told["configurations"]:
        if one["rmst"]["lower"] is not None:
            rmst = one["rmst"]
            assert f"{rmst['value']:.0f}  [{rmst['lower']:.0f}, {rmst['upper']:.0f}]" in written


def test_map_of_medians(study, told):
    axes = figure_of(study, "stopping_map").axes[0]
    expected = [one["median"]["value"] or one["median"]["value_after"]
                for one in rising(told)]
    assert same(np.asarray(axes.images[0].get_array()).ravel(), expected)


def test_means_by_row_are_open_when_censored(study, told):
    assert "n = 7 runs a configuration." in drawing.draw(study, "rmst_by_row").notes
    axes = figure_of(study, "rmst_by_row").axes[0]
    marks = [line for line in axes.lines if line.get_marker() not in ("None", "")]
    by_value = {float(line.get_ydata()[0]): line for line in marks}
    for one in told["configurations"]:
        line = by_value[one["rmst"]["value"]]
        assert (line.get_markerfacecolor() == "white") == (one["fates"]["events"] == 0)
    drawn = [segment[:, 1] for bars in axes.collections for segment in bars.get_segments()]
    assert sorted(map(tuple, drawn)) == sorted((one["rmst"]["lower"], one["rmst"]["upper"])
                                               for one in told["configurations"]
                                               if one["rmst"]["lower"] is not None)



@pytest.mark.parametrize("name", FIGURES)
def test_captions_say_what_n_is(study, name):
    """Also where it stands in the figure itself."""
    try:
        canvas = drawing.draw(study, name)
    except paper.NothingToDraw:
        return
    said = " ".join([caption_of(FIGURES[name]), *canvas.notes])
    words = [text.get_text() for axes in canvas.figure.axes
             for text in (*axes.texts, *axes.get_yticklabels())]
    if any("n = " in one for one in words):
        assert "n: runs " in said, name
    for number in re.findall(r"n = ((?:\d+ (?:to|of) )*\d+)(?! (?:to|of) )", said):
        assert f"n = {number} runs a configuration" in said, name


def test_bubbles(study, told):
    axes = figure_of(study, "stopping_bubbles").axes[0]
    drawn = {tuple(map(float, points.get_offsets()[0])): points for points in axes.collections}
    for one in told["configurations"]:
        points = drawn[one["axes"]["actor_lr"], one["axes"]["critic_lr"]]
        assert (len(points.get_facecolor()) == 0) == (one["fates"]["events"] == 0)
        rmst, never = one["rmst"], one["never"]
        count = f"{one['fates']['events']} of {one['observed']}"
        if one["fates"]["events"] == 0:
            words = f"none by 400\n{count}\nnever [{never['lower']:.2f}, {never['upper']:.2f}]"
        elif rmst["lower"] is None:  # all in the same episode
            words = f"{rmst['value']:.0f}\n{count}"
        else:
            words = f"{rmst['value']:.0f}  [{rmst['lower']:.0f}, {rmst['upper']:.0f}]\n{count}"
        assert words in words_in(axes)
    assert axes.get_xscale() == axes.get_yscale() == "log"


# Curves


def test_survival_steps_and_numbers_at_risk(study, told, file):
    by_title = panels(figure_of(study, "survival"))
    for one in told["configurations"]:
        axes = by_title[f"actor_lr {one['axes']['actor_lr']:g}"]
        curves = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
        assert any(same(line.get_xdata(), [0, *one["curve"]["time"]]) and
                   same(line.get_ydata(), [1, *one["curve"]["survival"]]) for line in curves)
        runs = runs_of(file, **one["axes"])
        stop = file["stopping_episode"][:][runs]
        times = np.where(stop > 0, stop, file["total_episodes"][:][runs])
        risk = [str(np.sum(times >= episode)) for episode in axes.get_xticks()]
        assert len(risk) >= 3
        written = [text for text in axes.texts if text.get_text().isdigit()]
        lines = collections.defaultdict(list)
        for text in written:
            lines[text.get_position()[1]].append((text.xy[0], text.get_text()))
        assert risk in [[number for _, number in sorted(line)] for line in lines.values()]
    bars = [tuple(part[:, 1]) for axes in by_title.values() for bars in axes.collections
            if hasattr(bars, "get_segments") for part in bars.get_segments()]
    assert sorted(bars) == sorted((one["never"]["lower"], one["never"]["upper"])
                                  for one in told["configurations"] if not one["fates"]["events"])
    censored = sum(len(line.get_xdata()) for axes in by_title.values() for line in axes.lines
                   if line.get_marker() == "|")
    assert censored == sum(1 for one in told["configurations"] if one["fates"]["censored"])


def test_incidence_adds_up(study, told):
    figure = figure_of(study, "incidence")
    axes = np.array([one for one in figure.axes]).reshape(2, 2)
    for one in told["configurations"]:
        panel = axes[[0.001, 0.1].index(one["axes"]["actor_lr"]),
                     [0.001, 0.1].index(one["axes"]["critic_lr"])]
        ends = [line.get_ydata()[-1] for line in panel.lines]
        assert math.isclose(sum(ends), 1 - one["curve"]["survival"][-1], abs_tol=1e-9)
        assert ("no event" in words_in(panel)) == (one["fates"]["events"] == 0)
        assert f"n = {one['observed']}" in words_in(panel)


def median_time(row, limit):
    """The episode by which half of a run's actors had it."""
    times = np.sort(np.where((row < 0) | (row > limit), np.inf, row))
    return times[math.ceil(len(times) / 2) - 1]


def test_event_times_are_medians_of_runs(study, file):
    axes = figure_of(study, "event_times").axes[0]
    shades = {event: shade for event, (shade, _) in paper.EVENTS.items()}
    for place, (row, column, _) in enumerate(study.shown()):
        runs = runs_of(file, study.row_keys[row][0], study.column_keys[column])
        for event, shade in shades.items():
            expected = np.median([median_time(times, 400) for times in file[event][:][runs]])
            marks = [line for line in axes.lines if line.get_color() == shade and
                     len(line.get_xdata()) == 1 and abs(line.get_ydata()[0] - place) < 0.5]
            assert len(marks) == 1
            if np.isfinite(expected):
                assert marks[0].get_xdata()[0] == expected
            else:  # beyond the limit, and open
                assert marks[0].get_xdata()[0] > 400
                assert marks[0].get_markerfacecolor() == "white"


def test_actors_that_never_stopped_are_no_dots(study, file):
    by_title = panels(figure_of(study, "actor_stops"))
    for actor_lr in (0.1, 0.001):
        axes = by_title[f"actor_lr {actor_lr:g}"]
        dots = [line for line in axes.lines if line.get_marker() == "."]
        for critic_lr, line in zip((0.001, 0.1), dots):
            times = file["first_still"][:][runs_of(file, actor_lr, critic_lr)].ravel()
            assert sorted(line.get_ydata()) == sorted(times[times > 0])
            missing = np.sum(times < 0)
            assert (f"{missing} of 21\nlater" in words_in(axes)) == (missing > 0)


def test_differences(study, told):
    axes = figure_of(study, "differences").axes[0]
    expected = [one for one in told["comparisons"] if one["family"] == "reference"]
    marks = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert same(marks, [one["difference"] for one in expected])
    drawn = [tuple(bars.get_segments()[0][:, 0]) for bars in axes.collections]
    assert drawn == [(one["lower"], one["upper"]) for one in expected if one["lower"] is not None]


# Mechanism: medians over seeds


def norm_over_actors(values):
    return np.sqrt(np.mean(values.astype(float) ** 2, axis=2))


MEDIANS = {
    "gradient_ratio": [lambda file, runs: file["gradient_ratio_own"][:][runs]],
    "gradient_norms": [lambda file, runs: file["actor_grad_own"][:][runs],
                       lambda file, runs: file["critic_grad_own"][:][runs]],
    "updates": [lambda file, runs: norm_over_actors(file["actor_update_relative"][:][runs]),
                lambda file, runs: file["critic_update_relative"][:][runs]],
    "saturation": [lambda file, runs: file["saturation"][:][runs]],
    "tanh_slope": [lambda file, runs: file["tanh_slope_mean"][:][runs].astype(float).mean(axis=2)],
    "output_range": [lambda file, runs: np.tanh(file["preactivation_max"][:][runs]),
                     lambda file, runs: np.tanh(file["preactivation_min"][:][runs])],
}


@pytest.mark.parametrize("name", MEDIANS)
def test_lines_are_medians_over_seeds(study, file, name):
    figure = figure_of(study, name)
    by_title, zeros = panels(figure), 0
    for actor_lr in (0.1, 0.001):
        axes = by_title[f"actor_lr {actor_lr:g}"]
        if name == "gradient_ratio":
            assert any(list(line.get_ydata()) == [1, 1] for line in axes.lines)
        lines = [(line.get_xdata(), line.get_ydata()) for line in axes.lines
                 if line.get_alpha() is None]
        for critic_lr in (0.1, 0.001):
            for read in MEDIANS[name]:
                rows = read(file, runs_of(file, actor_lr, critic_lr))
                full = ~np.isnan(rows).any(axis=0)
                median = np.median(rows[:, full], axis=0)
                zeros += np.sum(median == 0)
                if axes.get_yscale() == "log" and (median == 0).any():
                    floor = axes.get_yticks()[0]
                    assert figure.axes[0].get_yticklabels()[0].get_text() == "0"
                    assert floor < median[median > 0].min(initial=np.inf)
                    median = np.where(median == 0, floor, median)
                assert any(len(x) == full.sum() and same(x, file["log"][:][full]) and
                           same(y, median) for x, y in lines)
    assert zeros > 0 or name in ("saturation", "output_range")


def test_curve_is_faint_from_the_first_end_on(study, file):
    """Stopped runs end: what goes on are others, and half of them are too few."""
    axes = panels(figure_of(study, "gradient_norms"))["actor_lr 0.1"]
    rows = file["actor_grad_own"][:][runs_of(file, 0.1, 0.001)]
    left = np.sum(~np.isnan(rows), axis=0)
    faint = [line for line in axes.lines if line.get_alpha() is not None]
    assert len(set(left)) > 2
    assert np.sum(left >= 4) in {len(line.get_xdata()) for line in faint}


def test_own_and_accumulated_norms(study, file):
    """Also where the own gradient is exactly 0: on the floor."""
    by_title, zeros = panels(figure_of(study, "accumulated_norms")), 0
    for actor_lr, network in itertools.product((0.1, 0.001), ("actor", "critic")):
        axes = by_title[f"actor_lr {actor_lr:g}: {network.replace('actor', 'actors')}"]
        floor = axes.get_yticks()[0]
        for critic_lr, (kind, dash) in itertools.product((0.1, 0.001), (("own", "-"),
                                                                        ("accumulated", "--"))):
            rows = file[f"{network}_grad_{kind}"][:][runs_of(file, actor_lr, critic_lr)]
            full = ~np.isnan(rows).any(axis=0)
            median = np.median(rows[:, full], axis=0)
            zeros += np.sum(median == 0)
            assert any(same(line.get_ydata(), np.where(median == 0, floor, median))
                       for line in axes.lines if len(line.get_ydata()) == full.sum()
                       and line.get_linestyle() == dash and line.get_alpha() is None)
    assert zeros > 0


def last_rows(file, name, runs):
    return np.array([file[name][run, file["total_episodes"][run] // 10 - 1] for run in runs])


def test_layers_at_the_last_log(study, file):
    axes = panels(figure_of(study, "layer_gradients"))["actor_lr 0.001"]
    runs = runs_of(file, 0.001, 0.001)
    actors = np.sqrt(np.mean(last_rows(file, "actor_layer_grad_own", runs).astype(float) ** 2,
                             axis=1))
    critic = last_rows(file, "critic_layer_grad_own", runs)
    expected = np.median(np.concatenate([actors, critic], axis=1), axis=0)
    assert any(same(line.get_ydata(), expected) for line in axes.lines
               if len(line.get_ydata()) == 6)


def test_attenuation_first_and_last_log(study, file):
    axes = panels(figure_of(study, "attenuation"))["actor_lr 0.001"]
    runs = runs_of(file, 0.001, 0.1)
    chains = [norm_over_actors(file[name][:][runs]) for name in
              ("grad_norm_y", "grad_norm_z", "grad_norm_h2", "grad_norm_h1")]
    first = [np.median(chain[:, 0]) for chain in chains]
    floor = axes.get_yticks()[0]
    last = [np.median([row[~np.isnan(row)][-1] for row in chain]) or floor for chain in chains]
    drawn = {line.get_linestyle(): [] for line in axes.lines}
    for line in axes.lines:
        drawn[line.get_linestyle()].append(line.get_ydata())
    assert any(len(y) == 4 and same(y, first) for y in drawn[":"])
    assert any(len(y) == 4 and same(y, last) for y in drawn["-"])


@pytest.mark.parametrize("name, dataset", [("ratio_and_stop", "gradient_ratio_own"),
                                           ("saturation_and_stop", "saturation")])
def test_no_run_vanishes(study, file, name, dataset):
    """The study's own figure lost ten of sixteen runs, whose ratio was 0, on its logarithmic
    axis."""
    axes = figure_of(study, name).axes[0]
    points = np.concatenate([np.asarray(part.get_offsets()) for part in axes.collections])
    assert len(points) == len(file["run"]) and np.isfinite(points).all()
    x = last_rows(file, dataset, range(len(file["run"])))
    if name == "ratio_and_stop":
        assert (x == 0).any()
        x = np.where(x == 0, axes.get_xticks()[0], x)
    assert same(sorted(points[:, 0]), sorted(x))
    stop, total = file["stopping_episode"][:], file["total_episodes"][:]
    assert same(sorted(points[:, 1]), sorted(np.where(stop > 0, stop, total)))
    hollow = sum(len(part.get_offsets()) for part in axes.collections
                 if len(part.get_facecolor()) == 0)
    assert hollow == np.sum(stop < 0) > 0


def test_slope_against_saturation(study, file):
    axes = panels(figure_of(study, "slope_and_saturation"))["actor_lr 0.001"]
    runs = runs_of(file, 0.001, 0.001)
    share = file["saturation"][:][runs].ravel()
    slope = file["tanh_slope_mean"][:][runs].astype(float).mean(axis=2).ravel()
    assert any(same(line.get_xdata(), share) and same(line.get_ydata(), slope)
               for line in axes.lines if len(line.get_xdata()) == len(share))


def test_early_and_final_saturation(study, file):
    axes = figure_of(study, "early_saturation").axes[0]
    marks = sorted(line.get_ydata()[0] for line in axes.lines)
    configurations = [runs_of(file, a, c) for a in (0.1, 0.001) for c in (0.1, 0.001)]
    at = list(file["log"][:]).index(60)
    assert axes.get_ylabel().endswith("episode 60")
    assert same(marks, sorted(np.median(file["saturation"][:][runs][:, at])
                              for runs in configurations))
    shown = figure_of(study, "final_saturation").axes[0]
    expected = [np.median(last_rows(file, "saturation", runs_of(file, a, c)))
                for a in (0.001, 0.1) for c in (0.001, 0.1)]
    assert same(np.asarray(shown.images[0].get_array()).ravel(), expected)


def test_preactivations(study, file):
    axes = panels(figure_of(study, "preactivations"))["actor_lr 0.001"]
    runs = runs_of(file, 0.001, 0.001)
    mean, deviation = (file[f"preactivation_{name}"][:][runs] for name in ("mean", "std"))
    for dash, rows in (("-", mean), ("--", mean - deviation), ("--", mean + deviation)):
        assert any(same(line.get_ydata(), np.median(rows, axis=0)) for line in axes.lines
                   if len(line.get_ydata()) == 40 and line.get_linestyle() == dash)
        low, high = median_interval(rows, study.confidence)[1:3]
        assert any(np.isclose(band.get_paths()[0].vertices[:, 1].max(), high.max()) and
                   np.isclose(band.get_paths()[0].vertices[:, 1].min(), low.min())
                   for band in axes.collections)
    assert {2, -2} <= {line.get_ydata()[0] for line in axes.lines if len(line.get_ydata()) == 2}


def test_dead_units(study, file):
    by_title = panels(figure_of(study, "dead_units"))
    runs = runs_of(file, 0.001, 0.1)
    critic = file["critic_dead"][:][runs][:, :, 1]
    actors = file["actor_dead"][:][runs].astype(float).mean(axis=2)[:, :, 0]
    for network, rows in (("critic", critic), ("actors", actors)):
        full = ~np.isnan(rows).any(axis=0)
        axes = by_title[f"actor_lr 0.001: {network}"]
        assert any(len(line.get_ydata()) == full.sum() and
                   same(line.get_ydata(), np.median(rows[:, full], axis=0)) for line in axes.lines)


# Returns


def test_learning_curve_is_the_mean_of_the_last_50(study, file, told):
    axes = panels(figure_of(study, "learning_curves"))["actor_lr 0.001"]
    runs = runs_of(file, 0.001, 0.001)
    means = np.median([np.convolve(row, np.full(50, 1 / 50), "valid")
                       for row in file["reward"][:][runs]], axis=0)
    lines = [line for line in axes.lines if len(line.get_xdata()) > 2 and
             line.get_xdata()[-1] == 400]
    assert any(same(line.get_ydata(), means[line.get_xdata().astype(int) - 50]) for line in lines)
    assert all(line.get_xdata()[0] == 50 for line in lines)
    stops = [one["median"]["value"] for one in told["configurations"]
             if one["axes"]["actor_lr"] == 0.001 and one["median"]["value"] is not None]
    dotted = [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"
              and line.get_xdata()[0] == line.get_xdata()[-1]]
    assert same(sorted(dotted), sorted(stops))
    medians = [one["median"] for one in told["configurations"]
               if one["axes"]["actor_lr"] == 0.001 and one["median"]["lower"] is not None]
    bars = [tuple(part[:, 0]) for bars in axes.collections if hasattr(bars, "get_segments")
            for part in bars.get_segments()]
    assert sorted(bars) == sorted((one["lower"], one["upper"] or 400) for one in medians)
    assert len(bars) > 0


def test_raw_rewards_end_where_the_run_ends(study, file):
    axes = panels(figure_of(study, "raw_rewards"))["actor_lr 0.1"]
    run_ = runs_of(file, 0.1, 0.001)[0]
    total = int(file["total_episodes"][run_])
    assert total < 400
    assert any(same(line.get_xdata(), np.arange(1, total + 1)) and
               same(line.get_ydata(), file["reward"][run_, :total]) for line in axes.lines
               if len(line.get_xdata()) == total)
    assert file["stopping_episode"][run_] in {line.get_xdata()[0] for line in axes.lines
                                              if line.get_linestyle() == "--"}


@pytest.mark.parametrize("name, kinds, statistic", [
    ("reward_at_stop", ("stopping", "end"), "mean"), ("final_returns", ("end",), "iqm")])
def test_returns_are_those_of_aggregate(study, told, name, kinds, statistic):
    axes = figure_of(study, name).axes[0]
    marks = [line.get_ydata()[0] for line in axes.lines
             if line.get_marker() in paper.MARKERS and len(line.get_ydata()) == 1]
    expected = [one["returns"][kind][statistic]["value"] for one in told["configurations"]
                for kind in kinds if one["returns"][kind]["estimable"]]
    assert len(expected) < 4 * len(kinds) or name == "final_returns"
    assert same(sorted(marks), sorted(expected))


def test_violations_and_evaluation(study, file):
    runs = runs_of(file, 0.001, 0.001)
    axes = panels(figure_of(study, "evaluation"))["actor_lr 0.001"]
    assert any(same(line.get_ydata(), np.median(file["evaluation_reward"][:][runs], axis=0))
               for line in axes.lines if len(line.get_ydata()) == 8)
    axes = panels(figure_of(study, "violations"))["actor_lr 0.001"]
    last = np.median(file["deadline_violation"][:][runs][:, -50:].mean(axis=1))
    assert any(math.isclose(line.get_ydata()[-1], last) for line in axes.lines
               if len(line.get_ydata()))
    assert panels(figure_of(study, "evaluation_violations"))


# Run times


def test_run_times_and_timeline(study, file):
    axes = figure_of(study, "run_times").axes[0]
    drawn = np.concatenate([line.get_ydata() for line in axes.lines])
    assert same(sorted(drawn), sorted(file["volatile/wall_s"][:]))
    axes = figure_of(study, "timeline").axes[0]
    bars = sum(len(bars.get_paths()) for bars in axes.collections)
    assert bars == len(file["run"])
    length = sum(np.ptp(path.vertices[:, 0]) for bars in axes.collections
                 for path in bars.get_paths())
    unit = {"seconds": 1, "minutes": 60, "hours": 3600}[axes.get_xlabel().split()[0]]
    spent = np.sum(file["volatile/end"][:] - file["volatile/start"][:])
    assert math.isclose(length * unit, spent, rel_tol=1e-6)
