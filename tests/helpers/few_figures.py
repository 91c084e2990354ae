# SPDX-License-Identifier: MIT
"""python3 few_figures.py list|figures|report|serve …: as ccmsweep_analysis, with few of its figures and
few draws, for tests of all the rest: each figure is drawn, with all draws, by tests of its own.

One figure of each section stays, of those that are soon drawn, all that compare interventions, where
there are any, and those of them that a paper shows."""
import runpy
import sys

from ccmsweep_analysis import defaults, figures, paper, redrawing  # noqa: F401 (defaults first)

KEPT = ("rmst_by_row", "survival", "differences", "early_saturation", "final_returns", "timeline",
        *(draw.__name__ for draw in figures.SECTIONS["interventions"]))

for name in [name for name in figures.FIGURES if name not in KEPT]:
    del figures.FIGURES[name]
for section, draws in figures.SECTIONS.items():
    figures.SECTIONS[section] = tuple(draw for draw in draws if draw.__name__ in KEPT)
paper.SHOWN = tuple(name for name in paper.SHOWN if name in KEPT)
redrawing.START = (__file__,)
if "list" not in sys.argv[1:2]:
    sys.argv[2:2] = ["--bootstrap=50", "--permutations=99"]
runpy.run_module("ccmsweep_analysis", run_name="__main__", alter_sys=True)
