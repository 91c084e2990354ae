# SPDX-License-Identifier: MIT
"""All figures: that they are drawn, of files in every state and with every option; and their
parts."""
import math
import os

import h5py
import matplotlib.image
import numpy as np
import pytest
import synthetic
from aggregate_case import GRID, SMALL
from figure_case import file, path, study  # noqa: F401
from figure_case import figure_of, panels, same, study_of
from sweep_case import SOURCE

from ccmsweep_analysis import canvas as paper
from ccmsweep_analysis import drawing, spread, study as studies, sweep as sweeps
from ccmsweep_analysis.figures import FIGURES, SECTIONS, caption_of, curves, title_of

# All of them


def test_every_figure_has_a_title_and_a_caption():
    assert sum(map(len, SECTIONS.values())) == len(FIGURES)
    for draw in FIGURES.values():
        assert title_of(draw) and caption_of(draw).endswith(".")


@pytest.mark.parametrize("name", [name for name, draw in FIGURES.items()
                                  if draw not in SECTIONS["interventions"]])
def test_every_figure_is_drawn_and_fits(study, name, tmp_path):
    drawn = drawing.draw_to_files(study, name, tmp_path, ["png", "svg", "pdf"])
    assert drawn.reason == "" and len(drawn.files) == 3
    pixels = matplotlib.image.imread(drawn.files["png"])
    assert pixels.std() > 0.02
    # Nothing is cut: what touches the border of the paper is white.
    assert (pixels[[0, -1]] == 1).all() and (pixels[:, [0, -1]] == 1).all()


def test_the_same_file_gives_the_same_bytes(study, tmp_path):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        drawing.draw_to_files(study, "survival", tmp_path / folder, ["svg", "pdf"])
    for ending in ("svg", "pdf"):
        assert ((tmp_path / "a" / f"survival.{ending}").read_bytes() ==
                (tmp_path / "b" / f"survival.{ending}").read_bytes())


def test_columns_differ_in_grey(study):
    """Brightness of neighbours, and marks and dashes besides."""
    for many in (2, 4, 6):
        bright = [np.dot(paper.colour(place, many)[:3], (0.3, 0.59, 0.11)) for place in range(many)]
        assert min(np.diff(bright)) > 0.3 / many and max(bright) < 0.75
    assert len(set(map(str, paper.DASHES))) >= studies.PANELS <= len(set(paper.MARKERS))


# Files in other states


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    """Runs in every state, made up."""
    made = synthetic.make(tmp_path_factory.mktemp("mixed"), SMALL % (400, 5, GRID))
    synthetic.fill_with_every_state(made)
    return made


def test_runs_that_are_not_finished_are_in_no_curve(mixed):
    study = study_of(mixed)
    with h5py.File(mixed) as file:
        outcome = file["outcome"][:]
    finished = {run for configuration in study.configurations for run in configuration.done}
    assert finished == set(np.flatnonzero((outcome >= 1) & (outcome <= 3)))
    assert sum(configuration.told["runs"] for configuration in study.configurations) == len(outcome)
    for name in FIGURES:
        try:
            drawing.draw(study, name)
        except paper.NothingToDraw as reason:
            assert str(reason)


def test_a_torn_commit_does_not_count(path, tmp_path):
    torn = tmp_path / "torn.h5"
    torn.write_bytes(path.read_bytes())
    with h5py.File(torn, "r+") as file:
        record = file["commit"][3]
        record[60] ^= 1
        file["commit"][3] = record
    assert not sweeps.Sweep(torn).done[3] and sweeps.Sweep(torn).done[2]


def test_a_sweep_that_goes_on_is_drawn_as_it_was(path):
    """Runs that finish after the snapshot are in no figure of it."""
    snapshot = studies.take_snapshot(path)
    snapshot.done[:5] = False
    study = studies.Study(snapshot)
    assert sum(len(configuration.done) for configuration in study.configurations) == 23
    assert study.sweep.fingerprint != studies.Study(studies.take_snapshot(path)).sweep.fingerprint


@pytest.mark.parametrize("options", [["--event", "gradient_zero_first", "--endpoint", "first",
                                      "--limit", "150", "--confidence", "0.5"],
                                     ["--by", "critic_lr"]])
def test_options_of_aggregate(path, options):
    study = study_of(path, *options)
    for name in FIGURES:
        try:
            figure_of(study, name)
        except paper.NothingToDraw as reason:
            assert str(reason)


def test_event_times_follow_the_options(path, file):
    study = study_of(path, "--endpoint", "half", "--event", "gradient_zero")
    at, seen = study.times(list(range(len(file["run"]))))
    zero = np.where(file["gradient_zero"][:] > 0, file["gradient_zero"][:], np.inf)
    half = np.sort(zero, axis=1)[:, 1]
    assert (seen == np.isfinite(half)).all() and (at[seen] == half[seen]).all()
    assert (at[~seen] == file["total_episodes"][:][~seen]).all()
    # An event at the limit is one, a later one is none.
    stop = file["stopping_episode"][:]
    limit = int(stop[stop > 0].min())
    at, seen = study.sweep.event_times("first_still", "all", limit, list(range(len(stop))))
    assert (seen == (stop == limit)).all() and (at == limit).all()


def test_more_axes_than_two(tmp_path):
    spec = ("training: {batch: 8, episodes: 60}\nevaluation: {every: 50, episodes: 1}\n"
            "grid:\n  actor_lr: [0.1]\n  critic_lr: [0.01, 0.001]\n"
            "  environment.agents: [2, 3]\n  replay.capacity: [200, 300]\n  seed: [1]\n")
    study = study_of(synthetic.make(tmp_path, spec))
    assert study.rows == ["agents 2, capacity 200", "agents 2, capacity 300",
                          "agents 3, capacity 200", "agents 3, capacity 300"]
    assert study.columns == ["0.001", "0.01"] and len(study.grid) == 8
    with pytest.raises(paper.NothingToDraw, match="needs a grid"):
        drawing.draw(study, "stopping_bubbles")


def test_many_configurations_are_thinned_and_said_to_be(tmp_path):
    spec = SMALL % (60, 2, "  actor_lr: {logspace: [1e-4, 1e-1], count: 45}\n"
                    "  critic_lr: {logspace: [1e-4, 1e-1], count: 9}\n  seed: [1]\n")
    study = study_of(synthetic.make(tmp_path, spec))
    canvas = drawing.draw(study, "survival")
    assert len(panels(canvas.figure)) == studies.PANELS
    assert "6 of 45 rows are shown, evenly spaced." in canvas.notes
    assert "6 of 9 critic_lr are shown, evenly spaced." in canvas.notes
    assert study.shown_rows[0] == 0 and study.shown_rows[-1] == 44


# Parts


@pytest.mark.parametrize("n", [1, 2, 5, 6, 10, 40])
def test_interval_of_a_median_covers(n):
    """By the binomial distribution of how many values are below the truth."""
    low, high = spread.ranks(n, 0.95)

    def cover(low):
        return sum(math.comb(n, k) for k in range(low + 1, n - low)) / 2 ** n
    assert high == n - 1 - low
    if n >= 6:
        assert cover(low) >= 0.95 and cover(low + 1) < 0.95
    else:
        assert low == 0


def test_median_of_ragged_rows():
    rows = np.array([[1, 4, np.inf], [3, np.nan, np.inf], [2, 8, 0]])
    median, lower, upper, number = spread.median_interval(rows, 0.95)
    assert median.tolist() == [2, 6, np.inf] and number.tolist() == [3, 2, 3]
    assert lower.tolist() == [1, 4, 0] and upper.tolist() == [3, 8, np.inf]


def test_moving_average_is_full_or_nothing():
    rows = np.array([[1.0, 2, 3, 4, 5], [1, 2, 3, np.nan, np.nan]])
    assert same(spread.smooth(rows, 3), [[np.nan, np.nan, 2, 3, 4],
                                         [np.nan, np.nan, 2, np.nan, np.nan]])


@pytest.mark.parametrize("share, time", [(0.25, 1), (0.5, 2), (0.51, 3), (0.75, 3), (1, np.inf)])
def test_time_by_which_a_share_had_it(share, time):
    assert curves.quantile(np.array([3, np.inf, 1, 2]), share) == time


def test_floor_is_below_everything():
    floor = paper.LogFloor([np.array([0, 3e-9, 5.0, np.nan, np.inf])])
    assert floor.zeros and floor.bottom == 1e-10
    assert floor([0, 1]).tolist() == [1e-10, 1]


def test_rows_of_scattered_runs(path, file):
    sweep = sweeps.Sweep(path)
    assert sweeps.stretches([1, 2, 3, 7, 9, 10]) == [slice(1, 4), slice(7, 8), slice(9, 11)]
    assert np.array_equal(sweep.rows("reward", [0, 5, 6]), file["reward"][:][[0, 5, 6]],
                          equal_nan=True)
    assert sweep.rows("reward", []).shape == (0, 400)
    assert studies.thin(list(range(100)), 4) == [0, 33, 66, 99]


def test_program_is_found_or_asked_for(monkeypatch, tmp_path):
    assert studies.find_program() == os.environ["CCMSWEEP"]
    monkeypatch.setenv("CCMSWEEP", str(tmp_path / "absent"))
    with pytest.raises(sweeps.Unreadable, match="absent, which is no program that can be run"):
        studies.find_program()
    monkeypatch.delenv("CCMSWEEP")
    monkeypatch.setenv("PATH", str(tmp_path))
    if not os.access(SOURCE / "build/ccmsweep", os.X_OK):
        with pytest.raises(sweeps.Unreadable, match="not found"):
            studies.find_program()
