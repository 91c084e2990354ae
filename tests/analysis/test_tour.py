# SPDX-License-Identifier: MIT
"""The tour, cell by cell as a notebook runs it, on a sweep trained here."""
import json
import os
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from figure_case import SPEC
from program import run
from sweep_case import SOURCE, environment

TOUR = SOURCE / "analysis/tour.ipynb"
# Runs the cells in one name space; the value of a last expression is shown, as in a notebook.
RUNNER = """\
import ast, json, sys
names = {"__name__": "__main__"}
for number, cell in enumerate(json.load(open(sys.argv[1], encoding="utf-8"))["cells"]):
    if cell["cell_type"] == "code":
        tree = ast.parse("".join(cell["source"]), f"cell {number}")
        last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
        exec(compile(tree, f"cell {number}", "exec"), names)
        if last is not None:
            value = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
            if value is not None:
                print(f"cell {number}:", type(value).__name__)
                getattr(value, "_repr_html_", value.__repr__)()
frame = names["estimates"].configurations
print("told:", json.dumps(frame.rmst_value.tolist()), names["sweep"].sizes["run"])
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("a tour")
    (made / "s.yaml").write_text(SPEC.replace("1-7", "1-3"), encoding="utf-8")
    done = run("run", "s.yaml", "-o", "grid.h5", "--progress", "none", cwd=made, env=environment())
    assert done.returncode == 0, done.stderr
    return made


def test_every_cell_runs(folder):
    (folder / "run.py").write_text(RUNNER, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "run.py", TOUR], cwd=folder,
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis"), "MPLBACKEND": "agg"})
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    shown = [line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("cell ")]
    assert shown == ["Dataset", "DataArray", "DataFrame", "DataFrame", "Figure"]
    told, runs = done.stdout.split("told: ")[1].rsplit(" ", 1)
    expected = json.loads(run("aggregate", folder / "grid.h5", "--format", "json").stdout)
    assert json.loads(told) == [one["rmst"]["value"] for one in expected["configurations"]]
    with h5py.File(folder / "grid.h5") as file:
        assert int(runs) == np.isin(file["outcome"][:], (1, 2, 3)).sum() == 12
    assert (folder / "survival.png").read_bytes()[:4] == b"\x89PNG"


def test_jupyter_runs_it(folder, tmp_path):
    """As Jupyter does, where it is installed."""
    if subprocess.run([sys.executable, "-c", "import nbconvert, ipykernel"], capture_output=True,
                      check=False).returncode != 0:
        pytest.skip("no Jupyter (nbconvert, ipykernel)")
    shutil.copy(TOUR, tmp_path)
    shutil.copy(folder / "grid.h5", tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", "tour.ipynb"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis")})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tour.html").read_text("utf-8").count('<img src="data:image/png') == 2
