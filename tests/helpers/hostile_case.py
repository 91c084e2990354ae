# SPDX-License-Identifier: MIT
"""What the tests share of reports where things are not as one would like: a small sweep, and the
command with few figures, which are not what is looked at."""
import os

import pytest
from analysis_case import FEW_FIGURES, analysis
from figure_case import SPEC, swept


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    spec = SPEC.replace("episodes: 400", "episodes: 120").replace("1-7", "1-2")
    return swept(tmp_path_factory.mktemp("hostile"), spec)


def said_by(*words, cwd, start=FEW_FIGURES, code=0, **variables):
    """Bytes that it says, on both streams."""
    done = analysis(*map(os.fsencode, words), cwd=cwd, start=start, text=False, **variables)
    assert done.returncode == code, done.stderr.decode(errors="replace")
    assert b"Traceback" not in done.stderr
    return done.stdout, done.stderr


def one_figure(path, cwd, **how):
    return said_by("figures", path, "-o", "f", "--only", "survival", "--format", "svg", cwd=cwd,
                   **how)


def nothing_left(folder):
    return not [name for _, folders, files in os.walk(folder) for name in [*folders, *files]
                if name.startswith((".ccmsweep", "report.html.new"))]
