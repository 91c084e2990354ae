# SPDX-License-Identifier: MIT
"""Bootstrap and permutation of seeds a second time: Python's Mersenne Twister, NumPy, and the
definitions of src/stats/{bootstrap,resample,paired,logrank}.h."""
import functools
import itertools
import math
import random

import numpy as np


def draws(strata, options):
    """How often each cluster is taken; `strata` are lists of places, drawn one after the other."""
    generator = random.Random(options["draw_seed"])
    for _ in range(options["bootstrap"]):
        weight = np.zeros(sum(map(len, strata)), int)
        for members in strata:
            for _ in members:
                weight[members[generator.getrandbits(32) * len(members) >> 32]] += 1
        yield weight


@functools.cache
def student(share, freedom):
    """Quantile above the median of Student's distribution, by Simpson's rule and bisection."""
    def beyond(end):
        x = np.linspace(0, end, 4001)
        density = (1 + x * x / freedom) ** (-(freedom + 1) / 2)
        density *= math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2))
        density /= math.sqrt(freedom * math.pi)
        weights = np.where(np.arange(4001) % 2, 4, 2)
        weights[[0, -1]] = 1
        return 0.5 - (density * weights).sum() * end / 12000
    low, high = 0.0, 1e3
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle) > 1 - share else (low, middle)
    return low


def interval(value, drawn, clusters, strata, ends=(-np.inf, np.inf), confidence=0.95):
    """Student's, farther out on the side of the longer tail, within `ends`."""
    freedom = clusters - strata
    if freedom < 2:
        return None, None
    drawn = np.asarray(drawn)
    reach = student(1 - (1 - confidence) / 2, freedom)
    step = math.sqrt(clusters / freedom)
    if np.isinf(drawn).any():
        below = drawn[drawn <= value]
        if not len(below):
            return None, None
        return max(value - step * reach * np.sqrt(np.mean((value - below) ** 2)), ends[0]), np.inf
    error = drawn.std(ddof=1)
    skewness = np.mean((drawn - drawn.mean()) ** 3) / error ** 3 if error > 0 else 0
    shift = skewness * math.sqrt(clusters * freedom) / (freedom - 1) * (1 + 2 * reach ** 2) / 6
    return (max(value - step * error * max(reach, reach - shift), ends[0]),
            min(value + step * error * max(reach, reach + shift), ends[1]))


def bootstrap(statistic, clusters, options, strata=None, ends=(-np.inf, np.inf)):
    """Standard deviation and ends of statistic(weight of each observation). `clusters`: that of
    each observation; `strata`: of each too. `ends`: what the figure can be."""
    names, label = np.unique(clusters, return_inverse=True)
    zones = np.zeros(len(label), int) if strata is None else np.asarray(strata)
    places = [sorted(set(label[zones == zone])) for zone in np.unique(zones)]
    if len(names) <= len(places):
        return None, None, None
    drawn = [statistic(weight[label]) for weight in draws(places, options)]
    value = statistic(np.ones(len(label), int))
    return np.std(drawn, ddof=1), *interval(value, drawn, len(names), len(places), ends)


def rmst(times, events, limit):
    """Area under the Kaplan-Meier curve."""
    mean, before, survival = 0.0, 0.0, 1.0
    for at in np.unique(times):
        if at >= limit:
            break
        mean += survival * (at - before)
        survival *= 1 - np.sum(events[times == at]) / np.sum(times >= at)
        before = at
    return mean + survival * (limit - before)


def weighted_rmst(times, events, limit):
    return lambda weight: rmst(np.repeat(times, weight), np.repeat(events, weight), limit)


def trimmed_mean(values):
    cut = len(values) // 4
    return np.sort(values)[cut:len(values) - cut].mean()


def holm(values):
    order = sorted((p, place) for place, p in enumerate(values) if p is not None)
    adjusted, largest = [None] * len(values), 0
    for rank, (p, place) in enumerate(order):
        largest = max(largest, min(1, (len(order) - rank) * p))
        adjusted[place] = largest
    return adjusted


class Pairs:
    """The observations of the seeds that two configurations share."""

    def __init__(self, one, other, limit):
        self.sides = [{}, {}]
        for side, runs in zip(self.sides, (one, other)):
            for run in runs:
                if run["time"] is not None:
                    side.setdefault(run["seed"], []).append((run["time"], run["fate"] == "events"))
        self.seeds = sorted(self.sides[0].keys() & self.sides[1].keys())
        self.limit = limit

    def difference(self, weight=None, flips=None):
        means = []
        for side in (0, 1):
            chosen = [row for place, seed in enumerate(self.seeds)
                      for _ in range(1 if weight is None else weight[place])
                      for row in self.sides[side ^ (flips[place] if flips else 0)][seed]]
            times, events = np.array(chosen, float).T
            means.append(rmst(times, events > 0, self.limit))
        return means[0] - means[1]

    def interval(self, options):
        places = [list(range(len(self.seeds)))]
        drawn = [self.difference(weight) for weight in draws(places, options)]
        return interval(self.difference(), drawn, len(self.seeds), 1, (-self.limit, self.limit))

    def p(self):
        far = abs(self.difference()) - 1e-9 * self.limit
        flips = itertools.product((0, 1), repeat=len(self.seeds))
        return np.mean([abs(self.difference(flips=one)) >= far for one in flips])


def logrank(groups, strata, times, events):
    """chi2 of any number of groups, and its degrees of freedom."""
    names = np.unique(groups)
    mine = groups == names[:, None]
    excess, variance = np.zeros(len(names)), np.zeros((len(names), len(names)))
    for stratum in np.unique(strata):
        inside = strata == stratum
        for at in np.unique(times[inside & events]):
            risk = inside & (times >= at)
            now = risk & events & (times == at)
            n, died = risk.sum(), now.sum()
            share = (mine & risk).sum(1) / n
            excess += (mine & now).sum(1) - died * share
            if n > 1:
                variance += died * (n - died) / (n - 1) * (np.diag(share) - np.outer(share, share))
    # One group says nothing that the others do not.
    left = np.linalg.matrix_rank(variance, 1e-9)
    return excess @ np.linalg.pinv(variance, 1e-9, hermitian=True) @ excess, left


def permuted_p(groups, strata, times, events, seeds, tries, seed=7):
    """Groups of a seed trade places in all strata at once, those that lie in the same strata.
    Returns p, and whether all ways were tried."""
    shuffled = random.Random(seed)
    own = {}
    for place, name in enumerate(zip(seeds, groups)):
        own.setdefault(name, []).append(place)
    sets = {}
    for name, places in own.items():
        sets.setdefault((name[0], tuple(sorted(strata[places]))), []).append(name)
    exact = math.prod(math.factorial(len(members)) for members in sets.values()) <= 4096
    if exact:
        ways = itertools.product(*(itertools.permutations(members) for members in sets.values()))
    else:
        ways = ([shuffled.sample(members, len(members)) for members in sets.values()]
                for _ in range(tries))
    found, hits = logrank(groups, strata, times, events)[0], []
    for way in ways:
        dealt = np.array(groups)
        for members, order in zip(sets.values(), way):
            for old, new in zip(members, order):
                dealt[own[old]] = new[1]
        hits.append(logrank(dealt, strata, times, events)[0] >= found * (1 - 1e-9))
    return (np.mean(hits) if exact else (1 + sum(hits)) / (1 + tries)), exact
