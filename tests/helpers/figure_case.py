# SPDX-License-Identifier: MIT
"""What the tests of figures share: a sweep, its file read a second time, and what is on a
figure."""
import json
import sys

import h5py
import numpy as np
import pytest
from program import run
from sweep_case import SOURCE, environment

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis import drawing, study as studies  # noqa: E402

# Both ends of what actors do in a few hundred episodes, with logs and evaluations.
SPEC = """\
training: {batch: 8, episodes: 400}
environment: {agents: 3}
networks: {critic_hidden1: 32, critic_hidden2: 16}
tracking: {log_every: 10, snapshot_every: 0}
evaluation: {every: 50, episodes: 1}
grid:
  actor_lr: [0.1, 0.001]
  critic_lr: [0.1, 0.001]
  seed: 1-7
"""


def study_of(path, *options):
    return studies.Study(studies.take_snapshot(path, options))


def swept(folder, spec):
    """The file of the sweep, trained to its end."""
    (folder / "s.yaml").write_text(spec, encoding="utf-8")
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=folder, env=environment())
    assert done.returncode == 0, done.stderr
    return folder / "s.h5"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return swept(tmp_path_factory.mktemp("figures"), SPEC)


@pytest.fixture(scope="module")
def file(path):
    with h5py.File(path) as opened:
        yield opened


@pytest.fixture(scope="module")
def study(path):
    return study_of(path)


@pytest.fixture(scope="module")
def told(path):
    done = run("aggregate", path, "--format", "json")
    assert done.returncode == 0
    return json.loads(done.stdout)


def figure_of(study, name):
    canvas = drawing.draw(study, name)
    canvas.figure.draw_without_rendering()
    return canvas.figure


def panels(figure):
    """Axes that are shown, by their title."""
    return {axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_visible()}


def runs_of(file, actor_lr, critic_lr):
    return np.flatnonzero((file["actor_lr"][:] == actor_lr) & (file["critic_lr"][:] == critic_lr))


def same(drawn, expected):
    drawn, expected = np.asarray(drawn, float), np.asarray(expected, float)
    return drawn.shape == expected.shape and np.allclose(drawn, expected, rtol=1e-6, atol=0,
                                                          equal_nan=True)


def rising(told):
    """Configurations by rising axes, as rows and columns are, whatever the order of the plan."""
    return sorted(told["configurations"], key=lambda one: tuple(one["axes"].values()))


def words_in(axes):
    return [text.get_text() for text in axes.texts]
