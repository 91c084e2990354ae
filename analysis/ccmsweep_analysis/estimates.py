# SPDX-License-Identifier: MIT
"""What `ccmsweep aggregate` says of a file, as pandas frames."""
import functools
import os
import warnings
from typing import TYPE_CHECKING, Any, Iterable, Iterator, Mapping

from .study import Snapshot, take_snapshot
from .sweep import Damaged
from .words import no_module, number, shown

if TYPE_CHECKING:
    import pandas

# Columns that an empty frame has too.
POINT = ("time", "at_risk", "events", "share", "error", "lower", "upper")
COMPARISON = ("family", "axis", "a", "b", "pairs", "left_out", "difference", "lower", "upper", "p",
              "p_holm", "least_p", "exact", "too_few", "crossing", "note")
TEST = ("family", "axis", "runs", "groups", "chi2", "df", "p", "p_permuted", "p_holm", "least_p",
        "exact", "too_few", "crossing", "note")
Values = str | Mapping[str, object] | None  # "AXIS=VALUE,…" or {axis: value}


def aggregate(path: str | os.PathLike, *, event: str | None = None, endpoint: str | None = None,
              by: str | Iterable[str] | None = None, against: Values = None,
              limit: int | None = None, confidence: float | None = None,
              bootstrap: int | None = None, permutations: int | None = None,
              draw_seed: int | None = None, reference: Values = None, compare: bool = False,
              verify: bool = False) -> "Estimates":
    """Estimates of the sweep in `path`, finished or not, by the program: nothing is computed here,
    so that the numbers are those of `ccmsweep aggregate FILE`, whose options these are (see
    analysis/README.md). None is the program's default.

    event: first_still, gradient_zero_first, gradient_zero, hard_saturation or last_change.
    endpoint: all, half or first: how many actors of a run must have had it.
    by: axes that make a configuration, as a list or separated by commas.
    against: {axis: value} or "AXIS=VALUE": compare every configuration with the one that is equal
      in all other axes; then `against`, `pooled`, `scores` and `profiles` of the result are frames.
      Where blocks of the grid have labels the default is label=published, or the first label.
    limit: last episode that is evaluated. confidence: of intervals, 0 to 1.
    bootstrap, permutations, draw_seed: the same numbers give the same bits.
    reference: {axis: value, …} or "AXIS=VALUE,…": what the others are compared with.
    compare: also more than 100 configurations. verify: compare all rows with their checksums.

    The program is the first that there is of: $CCMSWEEP; build/ccmsweep of the project in whose
    folder analysis/ this package lies; bin/ccmsweep of the prefix below which it is installed;
    `ccmsweep` on PATH. In a notebook: `os.environ["CCMSWEEP"] = "/home/me/ccmsweep/build/ccmsweep"`.

    Damaged runs are left out, each with a warning Damaged. Raises Unreadable, with the words of the
    program, for a file that is none of a sweep or a wrong option, and Fault when the system fails.
    """
    given = {"event": event, "endpoint": endpoint, "by": by, "against": against, "limit": limit,
             "confidence": confidence, "bootstrap": bootstrap, "permutations": permutations,
             "draw_seed": draw_seed, "reference": reference, "compare": compare, "verify": verify}
    snapshot = take_snapshot(os.fspath(path), option_words(given))
    for sentence in snapshot.failures:
        warnings.warn(f"{shown(path)}: {sentence}", Damaged, stacklevel=2)
    return Estimates(snapshot)


def option_words(given: Mapping[str, Any]) -> list[str]:
    """Options of the program: {"draw_seed": 2, "by": ["a", "b"]} is --draw-seed=2 --by=a,b."""
    words = []
    for name, value in given.items():
        if value is None or value is False:
            continue
        option = f"--{name.replace('_', '-')}"
        words.append(option if value is True else f"{option}={option_text(value)}")
    return words


def option_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return ",".join(f"{name}={option_text(one)}" for name, one in value.items())
    if isinstance(value, Iterable):
        return ",".join(map(option_text, value))
    return number(value.item() if hasattr(value, "item") else value)


def flat(value: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Names and values of all that is inside, but for lists: {"a": {"b": 1}} is a_b, 1."""
    for key, inner in value.items():
        if isinstance(inner, Mapping):
            yield from flat(inner, f"{before}{key}_")
        elif not isinstance(inner, list):
            yield f"{before}{key}", inner


def without(value: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if key not in names}


def points(curve: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Points of a curve whose keys have a list each; values that are no lists are left out."""
    lists = {key: value for key, value in curve.items() if isinstance(value, list)}
    for values in zip(*lists.values(), strict=True):
        yield dict(zip(lists, values))


def frame(rows: Iterable[Mapping[str, Any]], columns: Iterable[str] = ()) -> "pandas.DataFrame":
    """A frame with a row each, of these columns when there is none. What is null is NaN; a column
    that has numbers, or nothing, is one of numbers."""
    try:
        import pandas
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(no_module("aggregate", error), name=error.name) from error
    rows = list(rows)
    made = pandas.DataFrame(rows, columns=None if rows else list(columns))
    for column in made.columns:
        some = made[column].dropna()
        if made[column].dtype == object and all(
                isinstance(one, (int, float)) and not isinstance(one, bool) for one in some):
            made[column] = made[column].astype(float)
    return made


class Estimates:
    """Estimates of a sweep at one moment. Frames have the keys of `ccmsweep aggregate --format
    json` as columns, in which nested keys are joined (`rmst_lower`, `never_share`), and the axes as
    columns of their own names; episodes and returns have the units of the file, shares are 0 to 1,
    `lower` and `upper` bound the interval of `options["confidence"]`, and NaN is what JSON has as
    null: not estimable. They are made when they are first asked for.

    json: all that the program said, with values of axes that are lists as words. warnings: its
    sentences. options: as they were used. axes: names of the axes of a configuration. snapshot:
    what figure() draws from."""

    def __init__(self, snapshot: Snapshot):
        self.snapshot = snapshot
        self.json: dict[str, Any] = snapshot.told
        self.warnings: list[str] = self.json["warnings"]
        self.options: dict[str, Any] = self.json["options"]
        self.axes: list[str] = self.json["options"]["by"]

    def __repr__(self) -> str:
        return (f"<Estimates of {self.options['event']} in {shown(self.snapshot.path)}: "
                f"{self.json['runs']} runs, {len(self.json['configurations'])} configurations>")

    def of_configurations(self) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """For each configuration its number and axes, as columns, and what is said of it."""
        for index, one in enumerate(self.json["configurations"]):
            yield {"configuration": index, **one["axes"]}, one

    def named(self, one: Mapping[str, Any]) -> dict[str, Any]:
        """A comparison, with the axes of both sides (`a_actor_lr`, `b_actor_lr`, …)."""
        row = dict(flat(one))
        for side in ("a", "b"):
            axes = self.json["configurations"][one[side]]["axes"]
            row |= {f"{side}_{name}": value for name, value in axes.items()}
        return row

    @functools.cached_property
    def configurations(self) -> "pandas.DataFrame":
        """A row for each configuration, by its number: axes, runs, `fates_…`, `median_…`, `rmst_…`,
        `iqm_…`, `never_…`, `tail_…`. Its other figures are in returns, curves and incidence."""
        apart = ("axes", "returns", "curve", "incidence")
        return frame(({**one["axes"], **dict(flat(without(one, apart)))}
                      for _, one in self.of_configurations())).rename_axis("configuration")

    @functools.cached_property
    def returns(self) -> "pandas.DataFrame":
        """A row for each configuration, `when` (stopping, end, training, evaluation) and
        `statistic` (mean, iqm): value, error, lower, upper; runs, missing, estimable."""
        return frame({**place, "when": when, "statistic": statistic, **said[statistic],
                      **{key: said[key] for key in ("runs", "missing", "estimable")}}
                     for place, one in self.of_configurations()
                     for when, said in one["returns"].items() for statistic in ("mean", "iqm"))

    @functools.cached_property
    def curves(self) -> "pandas.DataFrame":
        """A row for each point of the Kaplan-Meier curve of each configuration: time (episode),
        at_risk, events, censored; survival, error, lower, upper (shares)."""
        return frame({**place, **point} for place, one in self.of_configurations()
                     for point in points(one["curve"]))

    @functools.cached_property
    def incidence(self) -> "pandas.DataFrame":
        """A row for each configuration, cause and time: events; share, error, lower, upper of the
        cumulative incidence."""
        return frame(({**place, "cause": cause, **point}
                      for place, one in self.of_configurations()
                      for cause, said in one["incidence"]["causes"].items()
                      for point in points({"time": one["incidence"]["time"],
                                           "at_risk": one["incidence"]["at_risk"], **said})),
                     ["configuration", *self.axes, "cause", *POINT])

    @functools.cached_property
    def comparisons(self) -> "pandas.DataFrame":
        """A row for each difference of RMST in episodes, `a` less `b`, numbers of configurations,
        whose axes are in `a_…` and `b_…`; with the interval, p and p_holm."""
        sides = [f"{side}_{name}" for side in ("a", "b") for name in self.axes]
        return frame(map(self.named, self.json["comparisons"]), [*COMPARISON, *sides])

    @functools.cached_property
    def tests(self) -> "pandas.DataFrame":
        """A row for each log-rank test of an axis; `within_…` are the values of the others."""
        return frame((dict(flat({**one, "within": one["within"] or {}}))
                      for one in self.json["tests"]), TEST)

    @functools.cached_property
    def damaged(self) -> "pandas.DataFrame":
        """The damaged runs, `run` and `why`, which are in no estimate."""
        return frame(self.json["damaged"], ["run", "why"])

    def listed(self, key: str) -> list[dict[str, Any]] | None:
        """A list of what is compared with `against`; None without it."""
        said = self.json.get("against")
        return None if said is None else said[key]

    @functools.cached_property
    def against(self) -> "pandas.DataFrame | None":
        """With `against`: a row for each quantity and configuration `a`, less its counterpart `b`:
        difference (episodes, share or return), interval, p, p_holm, estimable, note."""
        rows = self.listed("comparisons")
        return None if rows is None else frame(map(self.named, rows))

    def by_value(self, one: Mapping[str, Any]) -> dict[str, Any]:
        """Quantity and value of what is said of a value of the axis, which has a column too."""
        return {"quantity": one["quantity"], self.json["against"]["axis"]: one["value"],
                "value": one["value"]}

    @functools.cached_property
    def pooled(self) -> "pandas.DataFrame | None":
        """With `against`: a row for each quantity and value of the axis, all else pooled. The value
        is in `value`, and in a column of the axis's name, as in configurations: `label`, …"""
        rows = self.listed("pooled")
        return None if rows is None else frame(
            {**self.by_value(one), **dict(flat(one))} for one in rows)

    @functools.cached_property
    def scores(self) -> "pandas.DataFrame | None":
        """With `against`: a row for each return and value of the axis, named as in pooled: the
        interquartile mean (`iqm_…`) and the probability of improvement (`improvement_…`) with their
        intervals."""
        rows = self.listed("scores")
        return None if rows is None else frame(
            {**self.by_value(one), **dict(flat({**without(one, ("profile",)),
                                                "improvement": one["improvement"] or {}}))}
            for one in rows)

    @functools.cached_property
    def profiles(self) -> "pandas.DataFrame | None":
        """With `against`: a row for each point of a performance profile, of a return and a value
        named as in pooled: share of runs whose return is above `tau`, with lower and upper."""
        rows = self.listed("scores")
        return None if rows is None else frame(
            {**self.by_value(one), **point}
            for one in rows for point in points(one["profile"] or {}))
