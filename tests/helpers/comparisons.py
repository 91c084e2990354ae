# SPDX-License-Identifier: MIT
"""Comparisons in the form of `aggregate --against`, made up from what it says of configurations, for
figures and pages of more than small sweeps have: many values, and what is not estimable."""
import numpy as np

QUANTITIES = ("rmst", "never", "return_end", "return_training", "return_evaluation")


def figure_of(one, quantity):
    if quantity in ("rmst", "never"):
        return one[quantity]["value" if quantity == "rmst" else "share"]
    returns = one["returns"][quantity.removeprefix("return_")]
    return returns["mean"]["value"] if returns["estimable"] else None


def compared(rng, difference, pairs):
    """A comparison: interval and p are made up, one in two is significant."""
    told = {"pairs": pairs, "left_out": 0, "difference": difference, "lower": None, "upper": None,
            "p": None, "p_holm": None, "least_p": False, "exact": True, "too_few": False,
            "only_a": None, "only_b": None, "estimable": difference is not None,
            "note": "" if difference is not None else "runs of either side ended before the limit"}
    if difference is not None:
        width, p = abs(difference) * rng.uniform(0.2, 2) + 0.01, rng.choice([0.002, 0.2])
        told |= {"lower": difference - width, "upper": difference + width, "p": p,
                 "p_holm": min(1, 5 * p)}
    return told


def made_up(told, axis, value, seed=1):
    """The key `against` for what aggregate said."""
    rng = np.random.default_rng(seed)
    configurations = told["configurations"]

    def place(one):
        return tuple(held for name, held in one["axes"].items() if name != axis)
    counterpart = {place(one): index for index, one in enumerate(configurations)
                   if one["axes"][axis] == value}
    others = [held for held in next(one["values"] for one in told["axes"] if one["name"] == axis)
              if held != value]
    comparisons, pooled = [], []
    for quantity in QUANTITIES:
        found = {held: [] for held in others}
        for index, one in enumerate(configurations):
            other = counterpart.get(place(one))
            if one["axes"][axis] == value or other is None:
                continue
            sides = [figure_of(side, quantity) for side in (one, configurations[other])]
            difference = None if None in sides else sides[0] - sides[1]
            comparisons.append({"quantity": quantity, "a": index, "b": other,
                                **compared(rng, difference, one["seeds"])})
            found[one["axes"][axis]].append(difference)
        for held, differences in found.items():
            known = bool(differences) and None not in differences
            pooled.append({"quantity": quantity, "value": held, "tasks": len(differences),
                           **compared(rng, float(np.mean(differences)) if known else None, 5)})
    return {"axis": axis, "value": value, "comparisons": comparisons, "pooled": pooled,
            "scores": [], "short": [], "families": [{"quantity": quantity, "of": of, "tests": sum(
                one["quantity"] == quantity and one["p"] is not None for one in part)}
                for quantity in QUANTITIES
                for of, part in (("comparisons", comparisons), ("pooled", pooled))]}
