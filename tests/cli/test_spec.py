# SPDX-License-Identifier: MIT
"""ccmsweep spec: what is printed is a spec again, with every value of its grid; and every spec in
sweeps/ is what its comment says."""
import re
from pathlib import Path

import pytest
from program import assert_refused, listing, run


def test_help_of_spec():
    done = run("spec", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "--defaults" in done.stdout and "--set=KEY=VALUE" in done.stdout


COMMAND_LINES = {
    "spec without an argument": (["spec"], "expected either --defaults or a spec"),
    "spec with both": (["spec", "--defaults", "a.yaml"], "expected either --defaults or a spec"),
    "spec with settings for the defaults": (["spec", "--defaults", "--set", "a=b"],
                                            "expected --defaults alone"),
    "folder for a spec": (["spec", "."],
                          "ccmsweep: .: Is a directory, expected a spec in YAML\n"),
}


@pytest.mark.parametrize("title", COMMAND_LINES)
def test_bad_command_line(title, tmp_path):
    words, message = COMMAND_LINES[title]
    assert_refused(words, message, tmp_path)


def test_printed_spec_is_a_spec_again(tmp_path):
    (tmp_path / "defaults.yaml").write_text(run("spec", "--defaults").stdout)
    (tmp_path / "none.yaml").write_text("{}")
    (tmp_path / "grid.yaml").write_text("grid:\n  seed: [3, 1]\n  environment.agents: [5, 6]\n")
    printed = [run("spec", name, cwd=tmp_path).stdout for name in ("defaults.yaml", "none.yaml")]
    assert printed[0] == printed[1] and "  seed: 42\n" in printed[0]
    (tmp_path / "all.yaml").write_text(printed[0])
    assert run("spec", "all.yaml", cwd=tmp_path).stdout == printed[0]
    grid = run("spec", "grid.yaml", cwd=tmp_path).stdout
    assert grid.endswith("grid:\n  environment.agents: [5, 6]\n  training.seed: [3, 1]\n")
    (tmp_path / "again.yaml").write_text(grid)
    assert run("spec", "again.yaml", cwd=tmp_path).stdout == grid


def count_cells(spec, folder):
    """Number of cells of a spec: `train` names it when it refuses more than one."""
    if "\ngrid:\n" not in run("spec", spec, cwd=folder).stdout:
        return 1
    refused = run("train", spec, cwd=folder)
    assert refused.returncode == 2
    return int(re.search(r": grid: (\d+) cells, expected one$", refused.stderr, re.M)[1])


@pytest.mark.parametrize("spec", sorted(
    path.name for path in (Path(__file__).parents[2] / "sweeps").glob("*.yaml")))
def test_shipped_spec_says_what_it_is(spec, tmp_path):
    path = Path(__file__).parents[2] / "sweeps" / spec
    printed = run("spec", path)
    assert (printed.returncode, printed.stderr) == (0, "")
    comment = re.match(r"# SPDX-License-Identifier: MIT\n# Question: [^?]*\?(?:.*\n# )+?"
                       r"Cells: (\d+)\n# Expected: (\d+(?:\.\d+)?) core-hours\n[a-z]+:\n",
                       path.read_text())
    assert comment, "expected question, cells and core-hours as comments on top"
    assert int(comment[1]) == count_cells(path, tmp_path)
    assert 0 < float(comment[2]) < 100
    assert listing(tmp_path) == []


def test_printed_grid_has_every_value(tmp_path):
    (tmp_path / "s.yaml").write_text(
        "training: {batch: 32}\n"
        "grid:\n"
        "  - seed: 0-3\n"
        "    actor_lr: {logspace: [1e-3, 1e-1], count: 3}\n"
        "    exclude: [{actor_lr: 0.1, seed: [0, 2-3]}]\n"
        "  - {critic_lr: {loguniform: [1e-4, 1e-1], count: 2, draw_seed: 1}, seed: [7]}\n")
    printed = run("spec", "s.yaml", cwd=tmp_path).stdout
    assert printed.endswith(
        "\n\ngrid:\n"
        "  - training.actor_lr: [0.001, 0.01, 0.1]\n"
        "    training.critic_lr: [0.001]\n"
        "    training.seed: [0-3]\n"
        "    exclude:\n"
        "      - {training.actor_lr: [0.1], training.seed: [0, 2, 3]}\n"
        "  - training.actor_lr: [0.0001]\n"
        "    training.critic_lr: [0.00178265, 0.0144868]\n"
        "    training.seed: [7]\n")
    (tmp_path / "again.yaml").write_text(printed)
    assert run("spec", "again.yaml", cwd=tmp_path).stdout == printed
    assert count_cells("s.yaml", tmp_path) == count_cells("again.yaml", tmp_path) == 11
    only = run("spec", "s.yaml", "--set", "training.seed=1", "--set", "training.critic_lr=1",
               cwd=tmp_path)
    assert "  actor_lr: 0.0001" not in only.stdout and "  seed: 1\n" in only.stdout


def test_example_of_the_defaults_is_good(tmp_path):
    example = run("spec", "--defaults").stdout.split("\n# grid:\n")[1]
    (tmp_path / "s.yaml").write_text("grid:\n" + re.sub("^# ?", "", example, flags=re.M))
    assert count_cells("s.yaml", tmp_path) == 7 * 20 * (10 + 4)


def test_example_of_the_page_is_good(tmp_path):
    page = (Path(__file__).parents[2] / "sweeps/README.md").read_text()
    example = page.split("\n## The spec\n")[1].split("```yaml\n")[1].split("```")[0]
    (tmp_path / "s.yaml").write_text(example)
    assert count_cells("s.yaml", tmp_path) == 2 * (7 * 16 + 7 * 6) - 2 * (16 + 6) + 20


def test_cell_of_two_blocks_is_refused(tmp_path):
    (tmp_path / "s.yaml").write_text("grid:\n  - {seed: 0-4}\n  - seed: [7, 3]\n")
    done = run("spec", "s.yaml", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "ccmsweep: s.yaml:2: grid: a cell is given twice, by the block in line 2 and by that in "
        "line 3, expected once: training.seed 3\n")
