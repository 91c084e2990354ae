# SPDX-License-Identifier: MIT
"""All figures. Each is a function of a study and a canvas; the first line of its docstring is its
title, the rest its caption. The report shows the figures of a section in this order."""
import inspect

from . import curves, gradients, grid, interventions, returns, runtime, saturation, tails

SECTIONS = {
    "grid": (grid.rmst_map, grid.stopping_map, grid.rmst_by_row, grid.stopping_bubbles),
    "curves": (curves.survival, curves.incidence, curves.event_times, curves.actor_stops),
    "comparisons": (curves.differences,),
    "interventions": (
        interventions.intervention_matrix, interventions.intervention_forest,
        interventions.intervention_survival, interventions.intervention_causes,
        interventions.intervention_returns, interventions.intervention_conditions,
        tails.momentum_tail),
    "mechanism": (
        gradients.gradient_ratio, gradients.gradient_norms, gradients.layer_gradients,
        gradients.ratio_and_stop, gradients.accumulated_norms, gradients.updates,
        gradients.attenuation, saturation.saturation, saturation.tanh_slope,
        saturation.slope_and_saturation, saturation.preactivations, saturation.output_range,
        saturation.early_saturation, saturation.final_saturation, saturation.saturation_and_stop,
        saturation.dead_units),
    "returns": (
        returns.learning_curves, returns.raw_rewards, returns.reward_at_stop,
        returns.final_returns, returns.violations, returns.evaluation,
        returns.evaluation_violations),
    "runtime": (runtime.run_times, runtime.timeline),
}
FIGURES = {draw.__name__: draw for section in SECTIONS.values() for draw in section}


def title_of(draw):
    return inspect.getdoc(draw).split("\n")[0]


def caption_of(draw):
    return " ".join(inspect.getdoc(draw).split("\n\n", 1)[1].split())
