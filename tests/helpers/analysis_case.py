# SPDX-License-Identifier: MIT
"""What the tests of ccmsweep_analysis as a command share: how it is started, with all figures or
with few."""
import os
import subprocess
import sys
from pathlib import Path

from sweep_case import SOURCE

WHOLE = ("-P", "-m", "ccmsweep_analysis")
FEW_FIGURES = (str(Path(__file__).with_name("few_figures.py")),)
# As many figures as few_figures.py keeps.
FEW_COUNT = 6
# Draws and permutations where their number does not matter.
FEW_DRAWS = ["--bootstrap", "50", "--permutations", "99"]


def analysis(*words, start=WHOLE, cwd=None, text=True, **variables):
    """Run it to its end; words may be text, bytes or paths."""
    return subprocess.run(
        [sys.executable, *start, *(word if isinstance(word, bytes) else str(word)
                                   for word in words)],
        cwd=cwd, capture_output=True, text=text, timeout=300, check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis"), **variables})
