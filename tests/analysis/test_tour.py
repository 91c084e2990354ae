# SPDX-License-Identifier: MIT
"""The tour, cell by cell as a notebook runs it, on sweeps trained here."""
import json
import os
import re
import shutil
import subprocess
import sys

import h5py
import numpy as np
import pytest
from figure_case import SPEC, swept
from program import run
from sweep_case import SOURCE

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
effects = names["effects"].pooled.query("quantity == 'rmst'").set_index("label").difference
print("told:", json.dumps({
    "rmst": frame.rmst_value.tolist(), "runs": names["sweep"].sizes["run"],
    "effects": effects.to_dict(),
    "chosen": names["by_label"].sel(label="beta1-0.5", actor_lr=0.1).stopping_episode.size}))
"""


def spec_of_labels():
    """The spec that the tour shows."""
    cells = json.loads(TOUR.read_text("utf-8"))["cells"]
    text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    return re.findall(r"^```yaml\n(.*?)^```$", text, re.M | re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("a tour")
    swept(made, SPEC.replace("1-7", "1-3")).rename(made / "grid.h5")
    [labels] = spec_of_labels()
    swept(made, labels).rename(made / "labels.h5")
    return made


def aggregated(path, *words):
    return json.loads(run("aggregate", path, "--format", "json", *words).stdout)


def test_every_cell_runs(folder):
    (folder / "run.py").write_text(RUNNER, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-W", "error::DeprecationWarning:__main__", "run.py", TOUR], cwd=folder,
        capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis"), "MPLBACKEND": "agg"})
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    shown = [line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("cell ")]
    assert shown == ["Dataset", "DataArray", "DataFrame", "DataFrame", "Figure",
                     "DataArray", "DataFrame", "Figure"]
    told = json.loads(done.stdout.split("told: ")[1])
    expected = aggregated(folder / "grid.h5")
    assert told["rmst"] == [one["rmst"]["value"] for one in expected["configurations"]]
    with h5py.File(folder / "grid.h5") as file:
        assert told["runs"] == np.isin(file["outcome"][:], (1, 2, 3)).sum() == 12
    assert (folder / "survival.png").read_bytes()[:4] == b"\x89PNG"
    pooled = aggregated(folder / "labels.h5", "--against", "label=published")["against"]["pooled"]
    assert told["effects"] == {one["value"]: one["difference"] for one in pooled
                               if one["quantity"] == "rmst"}
    assert set(told["effects"]) == {"beta1-0.5", "skip-zero"} and told["chosen"] == 8
    assert "Interventions: change of the stopping episode\n" in done.stdout


def test_jupyter_runs_it(folder, tmp_path):
    """As Jupyter does, where it is installed."""
    if subprocess.run([sys.executable, "-c", "import nbconvert, ipykernel"], capture_output=True,
                      check=False).returncode != 0:
        pytest.skip("no Jupyter (nbconvert, ipykernel)")
    shutil.copy(TOUR, tmp_path)
    for name in ("grid.h5", "labels.h5"):
        shutil.copy(folder / name, tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "nbconvert", "--to", "html", "--execute", "tour.ipynb"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis")})
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "tour.html").read_text("utf-8").count('<img src="data:image/png') == 3
