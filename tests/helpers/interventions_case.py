# SPDX-License-Identifier: MIT
"""What the tests of interventions share: sweeps that are compared with --against, small and trained,
or large and made up."""
import numpy as np
import pytest
import synthetic
from aggregate_case import SMALL
from analysis_case import FEW_DRAWS
from comparisons import made_up
from figure_case import swept

from ccmsweep_analysis import study as studies
from ccmsweep_analysis.against import Against

# Pairs of rates that all values of adam_beta1 have, and blocks that only its default has.
SPEC = SMALL % (300, 3, """\
  - {adam_beta1: [0.9, 0.5, 0.95], actor_lr: [0.1, 0.001], critic_lr: [0.1, 0.001], seed: 1-5}
  - {networks.actor_precision: [f64], actor_lr: [0.1], critic_lr: [0.1], seed: 1-5}
  - {zero_gradient: [skip], actor_lr: [0.1], critic_lr: [0.1], seed: 1-5}
""")


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return swept(tmp_path_factory.mktemp("interventions"), SPEC)


def snapshot_against(path, axis, value):
    snapshot = studies.take_snapshot(path, FEW_DRAWS)
    snapshot.told["against"] = made_up(snapshot.told, axis, value)
    return snapshot


@pytest.fixture(scope="module")
def study(path):
    return studies.Study(snapshot_against(path, "adam_beta1", 0.9))


@pytest.fixture(scope="module")
def told(study):
    return study.told["against"]


@pytest.fixture(scope="module")
def against(study):
    return Against(study)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Twenty values by eight pairs, with names as long and odd as a file can have them."""
    spec = SMALL % (400, 3, "  actor_lr: [1e-4, 1e-3, 1e-2, 0.1]\n  critic_lr: [1e-3, 0.1]\n"
                    f"  gamma: [{', '.join(str(0.5 + place / 50) for place in range(20))}]\n"
                    "  seed: 1-3\n")
    made = synthetic.make(tmp_path_factory.mktemp("many"), spec)
    synthetic.fill(made, np.random.default_rng(3).choice([1, 1, 2, 3], 480))
    return snapshot_against(made, "gamma", 0.5)


LABELS = SMALL % (300, 3, """\
  - {label: published, actor_lr: [0.1, 0.001], critic_lr: [0.1], seed: 1-8}
  - {label: clip-1, clip_actor: [1], actor_lr: [0.1, 0.001], critic_lr: [0.1], seed: 1-8}
  - {label: skip_zero, zero_gradient: [skip], actor_lr: [0.1, 0.001], critic_lr: [0.1], seed: 1-8}
""")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    return swept(tmp_path_factory.mktemp("labelled"), LABELS)
