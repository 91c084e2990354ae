# SPDX-License-Identifier: MIT
"""Published runs beside ours: each verdict for and against, what the tables say, and what is
refused. Of made-up tables, and of a small sweep whose own figures are taken for published ones."""
import csv
import shutil
import sys

import h5py
import numpy as np
import pytest
from aggregate_case import SMALL
from analysis_case import analysis
from program import run
from sweep_case import SOURCE
from synthetic import commit

sys.path.insert(0, str(SOURCE / "analysis"))

import published  # noqa: E402
from published import Comparison, Run  # noqa: E402

SCRIPT = SOURCE / "analysis/published.py"
ACTORS = 10
BASE = {"key": ("baseline", 0.1, 0.01), "began": ("own", "none"),
        "stops": list(range(20, 30)), "total": 130, "end": -5.0,
        "rewards": list(range(-130, 0)), "logs": {}}


def made(**changes):
    one = {**BASE, **changes}
    return Run(**{**one, "stops": np.array(one["stops"]), "rewards": np.array(one["rewards"], float)})


def compared(tolerance=1e-6, ours=None, **theirs):
    return Comparison(made(**(theirs or {})), made(**(ours or {})), tolerance)


def changed(values, place, by):
    values = list(values)
    values[place] += by
    return values


def log(**changes):
    return {**dict.fromkeys(published.LOGS, 4.0), "preact_std": 100.0, **changes}


NEVER = {"stops": [-1] * ACTORS, "total": 400}
LEARNT = {"logs": {10: log(), 20: log(actor_grad_accumulated=0.0), 30: log(),
                   40: log(actor_grad_accumulated=0.0), 50: log(actor_grad_accumulated=0.0)}}
LEARNING = {"logs": {10: log(actor_grad_accumulated=0.0), 20: log()}}


@pytest.mark.parametrize("theirs, ours, verdict", [
    ({}, {}, "exact"),
    ({}, {"rewards": changed(BASE["rewards"], 100, 1e-6)}, "exact"),
    ({}, {"rewards": changed(BASE["rewards"], 100, 1e-3)}, "same stops"),
    ({"rewards": BASE["rewards"][:50]}, {"rewards": changed(BASE["rewards"], 50, 1)}, "exact"),
    ({"rewards": BASE["rewards"][:51]}, {"rewards": changed(BASE["rewards"], 50, 1)}, "same stops"),
    (LEARNT, {"rewards": changed(BASE["rewards"], 40, 1)}, "exact"),
    (LEARNT, {"rewards": changed(BASE["rewards"], 39, 1)}, "same stops"),
    (LEARNING, {"rewards": changed(BASE["rewards"], 100, 1)}, "same stops"),
    (LEARNT, {"stops": changed(BASE["stops"], 3, 1)}, "same stops"),
    ({}, {"total": 131}, "same regime"),
    ({}, {"stops": changed(BASE["stops"], 3, 1)}, "same stops"),
    ({}, {"stops": changed(changed(BASE["stops"], 3, 1), 4, 1)}, "same regime"),
    ({}, {"stops": changed(BASE["stops"], -1, 1)}, "same regime"),   # that of the run
    (NEVER, NEVER, "exact"),
    (NEVER, {**NEVER, "rewards": changed(BASE["rewards"], 50, 1)}, "same regime"),
    ({**NEVER, "stops": [-1] * 9 + [7]},
     {**NEVER, "stops": [-1] * 9 + [7], "rewards": changed(BASE["rewards"], 50, 1)}, "same stops"),
    ({**NEVER, "stops": [-1] * 9 + [7]}, {**NEVER, "stops": [-1] * 9 + [8]}, "same stops"),
    (NEVER, {**NEVER, "stops": [-1] * 8 + [7, 8]}, "same regime"),
    (NEVER, {**NEVER, "stops": [-1] * 7 + [7, 8, 9]}, "differs"),
    ({}, {"stops": [-1] + BASE["stops"][1:], "total": 400}, "differs"),
])
def test_verdicts(theirs, ours, verdict):
    assert compared(ours=ours, **theirs).verdict == verdict
    assert compared(ours=theirs, **ours, logs=theirs.get("logs", {})).verdict == verdict


def test_figures_of_a_comparison():
    rewards = changed(changed(BASE["rewards"], 0, 1e-3), 99, 1e-2)
    one = compared(ours={"stops": [-1, 24, *BASE["stops"][2:]], "rewards": rewards}, tolerance=1e-5)
    assert (one.equal, one.furthest, one.one_sided) == (8, 3, 1)
    assert (one.agree, one.together) == (99, 130)
    assert one.start == pytest.approx(1e-3 / 130)
    assert published.equal_words(one) == "8 of 10 (3 apart, 1 in one alone)"
    assert (published.up_to(99, one), published.up_to(130, one)) == ("99", "all 130")
    assert compared(ours={"rewards": rewards}, tolerance=1e-6).agree == 0
    assert published.stop_words(made()) == "29 of 130"
    assert published.stop_words(made(stops=[-1, *BASE["stops"][1:]], total=400)) == "> 400 (9 of 10)"


def test_a_reward_that_is_not_a_number_does_not_agree():
    assert compared(ours={"rewards": changed(BASE["rewards"], 7, np.nan)}).agree == 7


def test_logs_are_compared_until_one_differs():
    theirs = {10: log(), 20: log(), 30: log(actor_grad_accumulated=0.0), 40: log(), 50: log()}
    ours = {10: log(actor_grad_accumulated=4.01, preact_mean=3.5), 20: log(saturation=4.001),
            30: log(actor_grad_accumulated=0.0), 45: log(), 50: log()}
    one = compared(ours={"logs": ours}, logs=theirs)
    assert one.logs_agree == 50 and {name: round(far, 6) for name, far in one.logs.items()} == {
        "actors' gradients": 0.002494, "critic's gradient": 0, "tanh inputs": 0.005,
        "saturation": 0.001, "critic's before clipping": 0, "actors clipped": 0}
    table = published.logs_table({made().key: one})
    assert table.splitlines()[2] == "| 0.1 | 0.01 | 50 | 2e-3 | 0 | 5e-3 | 1e-3 | 0 | 0 |"


@pytest.mark.parametrize("changes", [
    {"actor_grad_accumulated": 4.1}, {"critic_grad_accumulated": 3.9}, {"preact_mean": 6},
    {"preact_std": 102}, {"preact_min": 2}, {"preact_max": 6}, {"saturation": 4.02},
    {"critic_grad_before_clip": 0}, {"actors_clipped": 5}])
def test_logs_that_differ(changes):
    logs = {10: log(), 20: log(), 30: log()}
    one = compared(ours={"logs": {**logs, 20: log(**changes)}}, logs=logs)
    assert one.logs_agree == 10 and not any(one.logs.values())
    assert compared(ours={"logs": {**logs, 10: log(**changes)}}, logs=logs).logs_agree == 0


def test_logs_without_clipping_have_no_such_columns():
    logs = {10: log(critic_grad_before_clip=np.nan, actors_clipped=np.nan)}
    table = published.logs_table({made().key: compared(ours={"logs": logs}, logs=logs)})
    assert "clip" not in table


def test_differ_as_much():
    """Levels that differ as much as ours and the published run, a little less, and much less."""
    apart = compared(ours={"stops": [7] * 5 + BASE["stops"][5:]})
    for equal, by, word in ((0, 1, "yes"), (5, 0, "no"), (7, 1, "yes"), (8, 1, "no")):
        level = compared(ours={"stops": [7] * (10 - equal) + BASE["stops"][10 - equal:],
                               "rewards": changed(BASE["rewards"], 60, by)})
        assert published.as_much(apart, level) == word
        assert published.as_much(compared(), level) == "-"


def test_numbers_of_actors_must_be_the_same():
    with pytest.raises(published.Unreadable, match="10 actors and 9 in"):
        compared(ours={"stops": range(9)})


# The tables of the study


def test_the_published_tables_are_whole():
    runs = published.read_published(SOURCE / "tests/data/published")
    assert len(runs) == 32 and {key[0] for key in runs} == set(published.SETS)
    with open(SOURCE / "tests/data/published/runs.csv", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            one = runs[row["set"], float(row["actor_lr"]), float(row["critic_lr"])]
            stops = one.stops[one.stops >= 0]
            assert len(one.stops) == 50 and one.stop == int(row["stopping_episode"])
            assert (len(stops), min(stops, default=-1), max(stops, default=-1)) == tuple(
                int(row[name]) for name in ("actors_stopped", "first_stop", "last_stop"))
            assert len(one.rewards) == min(320, one.total) and len(one.logs) >= 26
            assert one.total == (2000 if one.stop < 0 else one.stop + 101)
            assert all(step % 10 == 0 for step in one.logs)


# A sweep


GRID = "  actor_lr: [0.1, 0.001]\n  critic_lr: [0.01]\n  seed: [42]\n"
CLIPPED = """\
  - training.clip_actor: [none]
    training.clip_critic: [none]
    networks.actor_output_init: [bound]
    actor_lr: [0.1]
    critic_lr: [0.1]
    seed: [42]
  - training.clip_actor: [1]
    training.clip_critic: [1]
    networks.actor_output_init: [none]
    actor_lr: [0.1]
    critic_lr: [0.1]
    seed: [42]
"""


def swept(folder, grid, episodes=300):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "s.yaml").write_text(SMALL % (episodes, 3, grid), encoding="utf-8")
    done = run("run", "s.yaml", "-o", "s.h5", "--progress", "none", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "s.h5"


def write(path, columns, rows):
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def publish(folder, path, began=("own", "none"), last=100):
    """Tables as the study's, of the runs of a sweep, with rewards up to episode `last`."""
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(path) as file:
        keys = [("clipped" if file["clip_actor"][run] == 1 else "baseline", file["actor_lr"][run],
                 file["critic_lr"][run]) if "clip_actor" in file else
                ("baseline", file["actor_lr"][run], file["critic_lr"][run])
                for run in range(len(file["run"]))]
        total = file["total_episodes"][:]
        write(folder / "runs.csv", ["set", "actor_lr", "critic_lr", "seeding", "earlier_episodes",
                                    "total_episodes", "mean_reward_last_100"],
              [[*key, *began, total[run], file["reward"][run, total[run] - 100:total[run]].mean()]
               for run, key in enumerate(keys)])
        write(folder / "stops.csv", ["set", "actor_lr", "critic_lr", "actor", "stop_episode"],
              [[*key, actor, stop] for run, key in enumerate(keys)
               for actor, stop in enumerate(file["first_still"][run])])
        write(folder / "rewards.csv", ["set", "actor_lr", "critic_lr", "episode", "reward"],
              [[*key, episode, reward] for run, key in enumerate(keys)
               for episode, reward in enumerate(file["reward"][run, :last], 1)])
        rows = []
        for run, key in enumerate(keys):
            for place, episode in enumerate(file["log"][:]):
                if episode <= min(last, total[run]):
                    rows.append([*key, episode, *(
                        "" if own not in file or np.isnan(file[own][run, place]) else
                        file[own][run, place] * (3 if own == "actors_clipped" else 1)
                        for own, _, _ in published.LOGS.values())])
        write(folder / "logs.csv", ["set", "actor_lr", "critic_lr", "episode", *published.LOGS], rows)
    return folder


def edit(path, place, change):
    """Change the cells of the row at `place`, the heading being row 0."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    rows[place] = change(rows[place])
    write(path, rows[0], rows[1:])


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return swept(tmp_path_factory.mktemp("sweep"), GRID)


@pytest.fixture
def tables(path, tmp_path):
    return publish(tmp_path / "published", path)


def say(*words, code=0):
    done = analysis(*words, start=(str(SCRIPT),))
    assert done.returncode == code, done.stderr
    if code in (0, 3):
        return done.stdout, done.stderr
    line, = done.stderr.splitlines()
    assert line.startswith("published.py: ") and "expected " in line and done.stdout == ""
    return line


def rows_of(page, place=0):
    """The rows of a table of a page, as lists of cells by heading."""
    blocks = [block for block in page.split("\n\n") if block.startswith("|")]
    heads, _, *rows = ([cell.strip() for cell in line.strip("|").split("|")]
                       for line in blocks[place].splitlines() if line.startswith("|"))
    return [list(zip(heads, row)) for row in rows]


def test_a_sweep_beside_itself(path, tables):
    page, _ = say(path, "--published", tables)
    assert page.startswith("**baseline**: 2 of 2 runs, tanh pytorch; 2 exact.\n\n| actor_lr | ")
    first, second = (dict(row) for row in rows_of(page))
    assert [first["actor_lr"], second["actor_lr"]] == ["0.1", "0.001"]
    for row in (first, second):
        assert row["verdict"] == "exact" and row["within 0.001 up to"] == "all 100"
        assert row["rewards within 1e-5 up to"] == "all 100"
        assert row["actors' stops equal"] == "3 of 3" and row["first two rewards"] == "0"
        assert row["stop, published"] == row["stop, ours"] and row["began"] == "own"
    for row in rows_of(page, 1):
        assert [cell for _, cell in row][2:] == ["100", "0", "0", "0", "0"]


def test_another_run_than_published(path, tables):
    with h5py.File(path) as file:
        still = int(file["first_still"][0, 1])
    edit(tables / "stops.csv", 2, lambda row: [*row[:4], still + 7])
    edit(tables / "rewards.csv", 61, lambda row: [*row[:4], float(row[4]) * 1.0005])
    first, second = (dict(row) for row in rows_of(say(path, "--published", tables)[0]))
    assert (first["actors' stops equal"], first["verdict"]) == ("2 of 3 (7 apart)", "same regime")
    assert first["rewards within 1e-5 up to"] == "60" and second["verdict"] == "exact"
    assert first["within 0.001 up to"] == "all 100"
    page, _ = say(path, "--published", tables, "--tolerance", "0.01")
    assert dict(rows_of(page)[0])["rewards within 0.01 up to"] == "all 100"


def test_both_sets_and_clipped_logs(tmp_path):
    both = swept(tmp_path / "s", CLIPPED, 120)
    with h5py.File(both, "r+") as file:
        file["actors_clipped"][1, :2] = [2 / 3, 1 / 3]  # shares, where the study has numbers
        commit(file, file["outcome"][:], [1])
    tables = publish(tmp_path / "published", both)
    page, _ = say(both, "--published", tables)
    assert page.count("1 of 1 runs, tanh pytorch; 1 exact.") == 2 and page.index("**base") < page.index("**clip")
    row = dict(rows_of(page, 3)[0])
    assert row["actors clipped"] == row["critic's before clipping"] == "0" and row["logs agree up to"] == "100"
    with open(tables / "logs.csv", encoding="utf-8") as file:
        clipped = [row["actors_clipped"] for row in csv.DictReader(file)]
    assert clipped == ["", "", "2.0", "1.0"]
    edit(tables / "logs.csv", 4, lambda row: [*row[:-1], "3"])
    assert dict(rows_of(say(both, "--published", tables)[0], 3)[0])["logs agree up to"] == "50"


def test_levels(path, tables, tmp_path):
    """Our own result beside itself, and beside one that is made to differ."""
    other = tmp_path / "other.h5"
    shutil.copy(path, other)
    assert "in both files; expected another CCMSWEEP_LEVEL" in say(
        path, "--published", tables, "--level", other, code=2)
    with h5py.File(other, "r+") as file:
        file["volatile/cpu_level"][:] = b"baseline"
    page, _ = say(path, "--published", tables, "--level", other)
    row = dict(rows_of(page, 2)[0])
    assert row["stop, ours"] == row["stop, other level"] and row["differ as much"] == "-"
    edit(tables / "stops.csv", 2, lambda row: [*row[:4], 9])
    row = dict(rows_of(say(path, "--published", tables, "--level", other)[0], 2)[0])
    assert row["differ as much"] == "no"
    with h5py.File(other, "r+") as file:
        file["first_still"][0, 0] -= 2
        file["reward"][0, 50] *= 1.5
        commit(file, file["outcome"][:])
    cells = [cell for _, cell in
             rows_of(say(path, "--published", tables, "--level", other)[0], 2)[0]]
    assert cells[4:9] == ["50", "all 100", "50", "all 100", "2 of 3 (2 apart)"]
    assert cells[10] == "yes"


def test_a_run_that_is_not_finished(path, tables, tmp_path):
    other = tmp_path / "other.h5"
    shutil.copy(path, other)
    with h5py.File(other, "r+") as file:
        file["commit"][0] = 0
    page, said = say(other, "--published", tables, code=3)
    assert "**baseline**: 1 of 2 runs" in page and len(rows_of(page)) == 1
    assert said == f"published.py: {other}: not finished: baseline (0.1, 0.01)\n"


def test_a_run_that_another_program_changed(path, tables, tmp_path):
    other = tmp_path / "other.h5"
    shutil.copy(path, other)
    with h5py.File(other, "r+") as file:
        file["reward"][0, 7] += 1
    page, said = say(other, "--published", tables, code=3)
    assert "**baseline**: 1 of 2 runs" in page and "run 0" in said and "not those" in said


# What is refused


def test_another_start_is_refused(path, tmp_path):
    tables = publish(tmp_path / "published", path, began=("continued", "301+298"))
    line = say(path, "--published", tables, code=2)
    assert "began as own; expected continued, after 301+298, as published" in line


def test_a_run_that_ends_at_a_lower_limit(path, tables, tmp_path):
    with h5py.File(path) as file:
        total = int(file["total_episodes"][1])
    line = say(swept(tmp_path / "short", GRID, 20), "--published", tables, code=2)
    assert "ended at its limit of 20 episodes; expected a limit of at least" in line
    assert str(total) in line or "(0.1, 0.01)" in line


def test_runs_that_were_not_published(path, tables, tmp_path):
    cases = {GRID.replace("0.001", "0.003"): "not published",
             GRID.replace("[42]", "[43]"): "of seed 43: not published",
             GRID.replace("[42]", "[42]\n  networks.actor_output_init: [none]"): "neither published set",
             GRID.replace("[42]", "[42]\n  networks.tanh: [exact, pytorch]"): "a second time"}
    for place, (grid, words) in enumerate(cases.items()):
        assert words in say(swept(tmp_path / str(place), grid, 20), "--published", tables, code=2)


def test_the_same_file_twice(path, tables):
    assert "is in another file" in say(path, path, "--published", tables, code=2)


def test_a_level_of_other_runs(path, tables, tmp_path):
    one = swept(tmp_path / "s", GRID.replace(", 0.001", ""))
    assert "is in no FILE" in say(one, "--level", path, "--published", tables, code=2)


@pytest.mark.parametrize("name, content, words", [
    ("rewards.csv", None, "No such file"),
    ("rewards.csv", b"\xff\xfe\n", "expected a table"),
    ("stops.csv", b"set,actor_lr,critic_lr,actor\nbaseline,0.1,0.01,0\n", "no stop_episode"),
    ("logs.csv", b"", "no set, actor_lr"),
    ("runs.csv", b"x\n", "no set, actor_lr"),
])
def test_tables_that_are_wrong(path, tables, name, content, words):
    (tables / name).unlink()
    if content is not None:
        (tables / name).write_bytes(content)
    line = say(path, "--published", tables, code=2)
    assert words in line and name in line


def test_cells_that_are_wrong(path, tables):
    edit(tables / "rewards.csv", 3, lambda row: [*row[:4], "x\x1b[1m"])
    assert "reward is x\\x1b[1m, expected a number" in say(path, "--published", tables, code=2)
    edit(tables / "rewards.csv", 3, lambda row: [*row[:4], "1"])
    for name, place, cell, words in (("rewards.csv", 3, "", "episode is empty"),
                                     ("stops.csv", 4, "inf", "stop_episode is inf"),
                                     ("runs.csv", 5, "nan", "total_episodes is nan")):
        before = (tables / name).read_bytes()
        edit(tables / name, 1, lambda row: [*row[:place], cell, *row[place + 1:]])
        assert words in say(path, "--published", tables, code=2)
        (tables / name).write_bytes(before)
    edit(tables / "rewards.csv", 3, lambda row: ["other", *row[1:4], "1"])
    edit(tables / "stops.csv", 1, lambda row: [row[0], "ten", *row[2:]])
    assert "actor_lr is ten" in say(path, "--published", tables, code=2)


def test_files_that_are_no_sweeps(tables, tmp_path):
    (tmp_path / "text.h5").write_text("no HDF5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    for name in ("text.h5", "other.h5", "gone.h5", "."):
        line = analysis(tmp_path / name, "--published", tables, start=(str(SCRIPT),))
        assert (line.returncode, line.stdout) == (2, "") and len(line.stderr.splitlines()) == 1


@pytest.mark.parametrize("tolerance", ["x", "-1", "nan", "1"])
def test_tolerances_that_are_none(path, tables, tolerance):
    assert "--tolerance" in say(path, "--published", tables, f"--tolerance={tolerance}", code=2)


def test_help():
    done = analysis("--help", start=(str(SCRIPT),))
    assert done.returncode == 0 and "Exit codes: 0 printed;" in " ".join(done.stdout.split())
    assert analysis("s.h5", "--levels", "x", start=(str(SCRIPT),)).returncode == 2
