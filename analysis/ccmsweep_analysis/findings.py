# SPDX-License-Identifier: MIT
"""What aggregate finds, in its own sentences; and what --against found, in a table and in numbers of
the paper."""
import re

from .against import QUANTITIES, Against, significant
from .facts import dash
from .figures.grid import interval
from .words import number, percent

FORMS = {"rmst": "z.1f", "never": "z.2f"}  # of differences; those of returns are whole numbers
HIGHER = {"rmst": "stops later", "never": "stops less often", "return": "higher"}
LOWER = {"rmst": "stops earlier", "never": "stops more often", "return": "lower"}
SIDES = {"rmst": ("later", "earlier"), "never": ("less often", "more often"),
         "return": ("higher", "lower")}
NAMED = 3  # configurations that a sentence names; more are counted


def sentences(study, rules=""):
    """The findings of aggregate, as whole sentences: those of the rules that begin like that."""
    return [f"{one['sentence'][0].upper()}{one['sentence'][1:]}."
            for one in study.told["findings"] if one["rule"].startswith(rules)]


def compared(study):
    """What was compared; None without."""
    return Against(study) if study.told.get("against") else None


def form_of(quantity):
    return FORMS.get(quantity, "z.0f")


def difference_words(told, quantity):
    """A difference with its sign and interval, or that there is none."""
    if told is None or told["difference"] is None:
        return "not estimable"
    form = form_of(quantity)
    return f"{told['difference']:+{form}} {interval(told, form)}".strip()


def verdict(study, told, quantity):
    """What a test of a difference supports, in words."""
    if told is None or told["difference"] is None:
        note = told["note"] if told else ""
        return f"not estimable{': ' if note else ''}{note}"
    if told["p_holm"] is None:
        return f"nothing to test{': ' if told['note'] else ''}{told['note']}"
    if told["too_few"]:
        return "too few seeds for any test"
    if not significant(told, study.confidence):
        return "no difference shown"
    kind = quantity.split("_")[0]
    return (HIGHER if told["difference"] > 0 else LOWER)[kind]


def opposite_words(study, against, value, quantity):
    """Where a value is above the reference and where below, when both are significant; "" when they
    are not."""
    found = against.opposite(quantity, value, study.confidence)
    if found is None:
        return ""
    compared = sum(against.compared(quantity, value, place) is not None for place in against.places)
    return ", ".join(
        f"{word} at " + (f"{against.places_axis()} "
                         f"{' and '.join(against.place_name(place) for place in places)}"
                         if len(places) <= NAMED else f"{len(places)} of {compared} configurations")
        for word, places in zip(SIDES[quantity.split("_")[0]], found))


def supported(study, against, value, quantity):
    """What all tests of a quantity support: of opposite signs those of the single configurations."""
    return (opposite_words(study, against, value, quantity)
            or verdict(study, against.pooled.get((quantity, value)), quantity))


def both_known(against, which, value):
    """What is told of the configurations with `which` where both the reference and `value` have
    runs whose end is known."""
    for place in against.places:
        sides = [against.at(side, place) for side in (against.reference, value)]
        if all(side is not None and side.told["never"]["of"] for side in sides):
            yield against.at(which, place).told


def never_words(against, which, value):
    """How many runs with `which` did not stop, of those whose end is known."""
    told = [one["never"] for one in both_known(against, which, value)]
    return f"{sum(one['count'] for one in told)} of {sum(one['of'] for one in told)}"


def moved_words(against, value):
    """In how many of the runs that stopped an actor moved again; "" for none."""
    told = [one for one in both_known(against, value, value) if one["moved_again"] is not None]
    moved = sum(one["moved_again"] for one in told)
    return f"{moved} of {sum(one['fates']['events'] for one in told)}" if moved else ""


def ordered(study, against):
    """Values but the reference: those that stop significantly later first, then by difference."""
    def key(value):
        told = against.pooled.get(("rmst", value))
        if told is None or told["difference"] is None:
            return (2, 0)
        return (0 if significant(told, study.confidence) else 1, -told["difference"])
    return sorted(against.others, key=key)


def pooled_table(study):
    """Header and rows, one row for each value of the axis; empty without comparisons."""
    against = compared(study)
    if against is None:
        return [], []
    level = f"{percent(study.confidence)} %"
    quantities = [one for one in QUANTITIES if one != "return_training" and against.has(one)]
    scored = [quantity for quantity in quantities if any(
        score_words(against.scores.get((quantity, value)), "iqm", "") != "-"
        for value in against.values)]
    head = [against.axis, "grid", "seeds", f"not by {number(study.limit)}", "moved again"]
    for quantity in quantities:
        head += [f"{QUANTITIES[quantity]} [{level}]", "p Holm", "in words"]
    for quantity in scored:
        head += [f"IQM of {QUANTITIES[quantity]} [{level}]", f"P(improvement) [{level}]"]
    rows = []
    for value in against.values:
        rmst = against.pooled.get(("rmst", value))
        row = [against.value_name(value), dash(rmst and rmst["tasks"]), dash(rmst and rmst["pairs"]),
               never_words(against, value, value), moved_words(against, value) or "-"]
        for quantity in quantities:
            told = against.pooled.get((quantity, value))
            row += (["reference", "-", "-"] if value == against.reference else
                    [difference_words(told, quantity), dash(told and told["p_holm"], ".3g"),
                     re.sub("^not estimable.*", "-", supported(study, against, value, quantity))])
        for quantity in scored:
            told = against.scores.get((quantity, value))
            row += [score_words(told, "iqm", ".0f"), score_words(told, "improvement", ".2f")]
        rows.append(row)
    return head, rows


def score_words(told, name, form):
    one = told[name] if told else None
    return "-" if one is None or one["value"] is None else (
        f"{one['value']:{form}} {interval(one, form)}".strip())


def table_notes(study):
    """Why differences are not estimable, a sentence for quantities that lack the same."""
    against = compared(study)
    lacking = {}
    for quantity, words in QUANTITIES.items() if against else ():
        told = [(value, against.pooled.get((quantity, value))) for value in against.others]
        reasons = ", ".join(f"{against.value_name(value)} ({one['note']})" for value, one in told
                            if one and one["difference"] is None and one["note"])
        lacking.setdefault(reasons, []).append(words)
    return [f"Not estimable, {', '.join(words)}: {reasons}."
            for reasons, words in lacking.items() if reasons]


def profile_numbers(study, against):
    """Names and values of performance profiles: shares of runs whose return is above those at which
    aggregate tells them in short, as in its tables."""
    for one in study.told["against"]["short"]:
        quantity, wanted, point = one["quantity"], number(one["share"]), one["point"]
        told = {value: against.scores[quantity, value]["profile"] for value in against.values
                if against.scores.get((quantity, value), {}).get("estimable")}
        key = quantity.replace("_", "-")
        tau = next(iter(told.values()))["tau"][point]  # the same for all values
        yield f"against/profile-return/{key}/{wanted}", f"{tau:.5g}"
        for value, profile in told.items():
            shares = {"value": profile["share"][point],
                      **{end: profile[end][point] for end in ("lower", "upper")}}
            yield (f"against/profile/{key}/{against.number_name(value)}/{wanted}",
                   f"{shares['value']:.2f} {interval(shares, '.2f')}".strip())


def numbers_of(study):
    """Names and values for the paper: \\sweep{against/rmst/clip-1} is a pooled difference."""
    against = compared(study)
    if against is None:
        return
    yield "against/reference", against.value_name(against.reference)
    yield "against/values", len(against.others)
    yield from ((f"against/tests/{quantity.replace('_', '-')}", count)
                for (quantity, of), count in against.tests.items() if of == "pooled")
    for value in against.values:
        name = against.number_name(value)
        yield f"against/never-stop/{name}", never_words(against, value, value)
        yield (f"against/never-stop-reference/{name}",
               never_words(against, against.reference, value))
        if moved := moved_words(against, value):
            yield f"against/moved-again/{name}", moved
        for quantity in QUANTITIES:
            told = against.pooled.get((quantity, value))
            key = quantity.replace("_", "-")
            if told is not None:
                yield f"against/{key}/{name}", difference_words(told, quantity)
                yield (f"against/verdict/{key}/{name}",
                       supported(study, against, value, quantity))
                if told["p_holm"] is not None:
                    yield f"against/p-holm/{key}/{name}", f"{told['p_holm']:.3g}"
            for score, form in (("iqm", ".0f"), ("improvement", ".2f")):
                words = score_words(against.scores.get((quantity, value)), score, form)
                if words != "-":
                    yield f"against/{score}/{key}/{name}", words
    yield from profile_numbers(study, against)
