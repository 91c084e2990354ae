# SPDX-License-Identifier: MIT
"""What the tests of aggregate --against share: a sweep whose runs are known to stop or not."""
import h5py
import numpy as np
import pytest
import synthetic
from aggregate_case import SMALL
from synthetic import CENSORED, STOPPED

QUANTITIES = ["rmst", "never", "return_end", "return_training", "return_evaluation"]
GRID = """\
  actor_lr: [0.1, 0.001]
  critic_lr: [0.01, 0.001]
  gamma: [0.9, 0.95, 0.99]
  seed: 1-7
"""
# Four runs each of two values of gamma.
PAIR = "  gamma: [0.9, 0.95]\n  seed: 1-4\n"


def settle(path, outcomes, early=(), seed=5):
    """Fill; then let runs that did not stop have no event, and all runs but those in `early` and
    those that diverged go on to the limit."""
    synthetic.fill(path, outcomes)
    rng = np.random.default_rng(seed)
    with h5py.File(path, "r+") as file:
        rows = {name: file[name][:] for name in ("first_still", "stopping_episode", "reward",
                                                 "total_episodes", "evaluation_reward")}
        limit = rows["reward"].shape[1]
        for number, outcome in enumerate(outcomes):
            if outcome == CENSORED:
                rows["first_still"][number] = -1
            if outcome == STOPPED and number not in early:
                rows["total_episodes"][number] = limit
                rows["reward"][number] = rng.normal(-1000, 100, limit)
                rows["evaluation_reward"][number] = rng.normal(-900, 50)
        for name, values in rows.items():
            file[name][:] = values
        synthetic.commit(file, outcomes)
    return path


@pytest.fixture(scope="module")
def gammas(tmp_path_factory):
    """Of the pair of rates that comes first the runs that stop end early; all others have all
    returns. Of the pair that comes last none stops."""
    path = synthetic.make(tmp_path_factory.mktemp("gammas"), SMALL % (400, 3, GRID))
    outcomes = np.random.default_rng(8).choice([STOPPED, STOPPED, CENSORED], 84)
    outcomes[63:] = CENSORED
    return settle(path, outcomes, early=range(21))
