# SPDX-License-Identifier: MIT
"""Every configuration beside the one that is equal in all axes but one, as `aggregate --against`
compares them: values of that axis by the values of all others."""
import re

from .study import without_sections
from .words import number

QUANTITIES = {"rmst": "RMST, episodes", "never": "share that never stops",
              "return_evaluation": "return at the last evaluation",
              "return_end": "return at the end", "return_training": "return in training"}
RETURNS = ("return_evaluation", "return_end")


class Against:
    """`values` of an axis, that of the reference first; `places`, the values of all other axes that
    vary, which have names; and what was compared of them."""

    def __init__(self, study):
        told = study.told["against"]
        self.axis, self.reference = told["axis"], told["value"]
        rising = {axis["name"]: axis["values"] for axis in study.told["axes"]}
        self.values = sorted(rising[self.axis], key=lambda value: value != self.reference)
        others = [name for name in rising if name != self.axis]
        self.by = [name for name in others if len(rising[name]) > 1]
        self.found = {}
        for one in study.configurations:
            place = tuple(one.told["axes"][name] for name in others)
            self.found[one.told["axes"][self.axis], place] = one
        self.places = sorted({place for _, place in self.found},
                             key=lambda key: [rising[name].index(value)
                                              for name, value in zip(others, key)])
        self.varying = [others.index(name) for name in self.by]
        self.comparisons = {(one["quantity"], one["a"]): one for one in told["comparisons"]}
        self.pooled = {(one["quantity"], one["value"]): one for one in told["pooled"]}
        self.scores = {(one["quantity"], one["value"]): one for one in told["scores"]}
        self.tests = {(one["quantity"], one["of"]): one["tests"] for one in told["families"]}

    @property
    def others(self):
        """All values but that of the reference."""
        return self.values[1:]

    def at(self, value, place):
        """The configuration with a value of the axis at a place; None where there is none."""
        return self.found.get((value, place))

    def compared(self, quantity, value, place):
        """How a configuration compares with the reference at its place; None where it was not."""
        one = self.at(value, place)
        return None if one is None else self.comparisons.get((quantity, one.index))

    def place_name(self, place):
        """The values of a place, without the names of their axes: 0.1 / 0.01."""
        return " / ".join(number(place[at]) for at in self.varying) or "all"

    def opposite(self, quantity, value, confidence):
        """Places where a value is significantly above the reference, and those where it is below;
        None unless there are both. A pooled difference says nothing of such a value."""
        sides = [], []
        for place in self.places:
            told = self.compared(quantity, value, place)
            if told and told["difference"] and significant(told, confidence):
                sides[told["difference"] < 0].append(place)
        return sides if all(sides) else None

    def places_axis(self):
        """The names of the axes of a place, in the same order."""
        return " / ".join(without_sections(self.by)) or "all runs"

    def value_name(self, value):
        """A label as it is, and a value of another axis with the axis's name."""
        if self.axis == "label":
            return number(value)
        return f"{without_sections([self.axis])[0]} {number(value)}"

    @staticmethod
    def number_name(value):
        """A value as names of numbers in LaTeX have it: what could end such a name is a dash."""
        return re.sub(r"[^\w.+/: -]", "-", number(value), flags=re.ASCII)

    def has(self, quantity):
        """Whether a difference of this quantity is known of any value."""
        return self.pools(quantity) or any(
            told["difference"] is not None for (name, _), told in self.comparisons.items()
            if name == quantity)

    def pools(self, quantity):
        """Whether a pooled difference of this quantity is known of any value."""
        return any(told["difference"] is not None for (name, _), told in self.pooled.items()
                   if name == quantity)

    def return_quantity(self):
        """Of the returns the one that says most, in figures and words: that at the last evaluation
        where it is known pooled, else the one of which anything is known."""
        return next((one for known in (self.pools, self.has) for one in RETURNS if known(one)),
                    RETURNS[0])


def significant(told, confidence):
    """Whether p, adjusted by Holm for its family, is below 1 less the confidence."""
    return told["p_holm"] is not None and told["p_holm"] < 1 - confidence
