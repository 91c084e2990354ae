# SPDX-License-Identifier: MIT
"""Options: --help, the man page and the completion of bash name the same ones, for each command; a
long one may be written with '_' for '-'; and what bash offers behind the program's name."""
import json
import os
import pty
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from program import SMALL, listing, run

PAGES = Path(os.environ["CCMSWEEP_BUILD"]) / "src/cli"
COMPLETION = PAGES / "ccmsweep"
COMMANDS = ["train", "plan", "run", "status", "aggregate", "show", "verify", "export", "spec",
            "bench"]
FORMS = [*COMMANDS, "bench schedule"]


def options_of_help(form):
    rows = re.findall(r"^ {2,6}(-.*)$", run(*form.split(), "--help").stdout, re.M)
    return {name for row in rows for name in re.findall(r"(?:^|, )(--?[\w?-]+)", row)}


def options_of_page(form):
    """Those of a section of the page: that of the form, when the command has several."""
    text = (PAGES / f"ccmsweep-{form.split()[0]}.1").read_text().split("\n.SH OPTIONS\n")[1]
    parts = text.split("\n.SH ")[0].split("\n.SS ")
    (part,) = [p for p in parts if p.startswith("ccmsweep ") == (" " in form)]
    plain = re.sub(r"\\f.", "", part).replace("\\-", "-")
    tags = re.findall(r"^\.TP\n(.*)$", plain, re.M)
    return {name for tag in tags for name in re.findall(r"(?:^|, )(--?[\w?-]+)", tag)}


def complete(line, folder=None):
    """What bash offers at the end of a line, as it would insert it."""
    words = re.split(r"(=)|\s+", line)
    words = [word for word in words if word] + ([""] if line[-1] in " " else [])
    script = f"""
        source "$1"
        COMP_LINE=$2 COMP_POINT=${{#2}} COMP_WORDS=("${{@:3}}") COMP_CWORD=$(($# - 3))
        _ccmsweep
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "--norc", "-c", script, "bash", COMPLETION, line, *words],
                          capture_output=True, text=True, cwd=folder)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("form", FORMS)
def test_help_page_and_completion_name_the_same(form):
    options = options_of_help(form)
    assert options == options_of_page(form)
    assert options - {"-?"} == set(complete(f"ccmsweep {form} -"))
    assert "--help" in options and len(options) > 3


def test_every_command_has_a_page():
    listed = re.findall(r"^  (\w+)  ", run("--help").stdout, re.M)
    assert [name for name in listed if name != "ccmsweep"] == COMMANDS
    assert {path.name for path in PAGES.glob("*.1")} == {
        "ccmsweep.1", *(f"ccmsweep-{name}.1" for name in COMMANDS)}
    program = (PAGES / "ccmsweep.1").read_text()
    for name in COMMANDS:
        assert rf"\fBccmsweep\-{name}\fR(1)" in program


SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "EXAMPLES", "SEE ALSO"]


@pytest.mark.parametrize("name", ["ccmsweep", *(f"ccmsweep-{name}" for name in COMMANDS)])
def test_page_is_clean(name):
    text = (PAGES / f"{name}.1").read_text()
    found = re.findall(r"^\.SH (.*)$", text, re.M)
    assert [section for section in found if section in SECTIONS] == SECTIONS
    for path in re.findall(r"\\fBccmsweep\\-(\w+)\\fR\(1\)", text):
        assert path in COMMANDS
    if shutil.which("groff") is None:
        pytest.skip("no groff to look at the page")
    done = subprocess.run(["groff", "-ww", "-z", "-man", "-Tascii", PAGES / f"{name}.1"],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_page_of_train_has_every_setting():
    text = (PAGES / "ccmsweep-train.1").read_text()
    keys = re.findall(r"^  (?:# )?(\w+): ", run("spec", "--defaults").stdout.split(
        "# Lists of values")[0], re.M)
    for key in keys:
        assert re.search(rf"^\\fB\w+\.{key}(\.low)?\\fR=", text, re.M), key


# '_' for '-'


def test_underscores(tmp_path):
    """The options of the published program, as they are written for it."""
    words = ["train", "--actor_lr", "0.1", "--critic_lr=0.01", "--episodes", "2", *SMALL]
    got = json.loads(run(*words, "--json").stdout)
    assert (got["actor_lr"], got["critic_lr"], got["total_episodes"]) == (0.1, 0.01, 2)
    short = json.loads(run("train", "--actor_l", "0.2", "--episodes", "1", *SMALL, "--json").stdout)
    assert short["actor_lr"] == 0.2
    (tmp_path / "s.yaml").write_text("training: {episodes: 1}")
    done = run("run", "s.yaml", "-o", "s.h5", "--dry_run", "--max_failed=3", "--fail_fast",
               cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert listing(tmp_path) == ["s.yaml"]


def test_underscores_of_values_stay(tmp_path):
    """Also of values that look like options, and behind '--'."""
    for words, name in ((["-o", "--my_run"], "--my_run"), (["--output=a_b"], "a_b"),
                        (["--output", "--dry_run"], "--dry_run")):
        done = run("train", *SMALL, "--episodes", 1, *words, cwd=tmp_path)
        assert done.returncode == 0 and (tmp_path / name).exists(), done.stderr
    assert "cannot open --a_b:" in run("show", "--", "--a_b", cwd=tmp_path).stderr


def test_help_as_the_name_of_a_file(tmp_path):
    """It is not a question for help, and not a sweep that was trained either."""
    (tmp_path / "s.yaml").write_text("training: {episodes: 2}\n")
    done = run("run", "s.yaml", "-o", "--help", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "") and "expected ./--help" in done.stderr
    assert run("run", "s.yaml", "--", "--usage", cwd=tmp_path).returncode == 2
    assert listing(tmp_path) == ["s.yaml"]


@pytest.mark.parametrize("words, key", [
    (["train", "--squash", "hardtanh"], "networks.squash"),
    (["run", "s.yaml", "--actor-every=3"], "training.actor_every"),
    (["plan", "--networks.squash", "x"], "networks.squash")])
def test_a_setting_that_is_no_option(words, key):
    """Only a few settings have an option of their own."""
    done = run(*words)
    assert (done.returncode, done.stdout) == (2, "")
    option = next(word for word in words if word.startswith("--"))
    assert done.stderr.startswith(f"ccmsweep {words[0]}: unrecognized option '{option}'; settings "
                                  f"are given as --set {key}=VALUE\n")


def test_unknown_option_is_shown_as_written():
    assert "unrecognized option '--actr_lr'" in run("train", "--actr_lr", "1").stderr
    assert "--actor-lr: training.actor_lr: 'x'" in run("train", "--actor_lr", "x").stderr


# The completion


OFFERED = {
    "ccmsweep ": [*COMMANDS, "--help", "--version"],
    "ccmsweep s": ["status", "show", "spec"],
    "ccmsweep train --act": ["--actor-lr"],
    "ccmsweep train --progress ": ["auto", "bar", "lines", "none"],
    "ccmsweep train --progress=l": ["lines"],
    "ccmsweep run --dry-run --order p": ["plan"],
    "ccmsweep run --stop_before ": [],
    "ccmsweep train --set networks.ta": ["networks.tanh="],
    "ccmsweep train --set networks.tanh=": ["pytorch", "exact"],
    "ccmsweep plan s.yaml --set actor": ["actor_lr="],
    "ccmsweep bench train --set=episodes": ["episodes="],
    "ccmsweep run s.yaml --set gam": [],
    "ccmsweep train --set=networks.tanh=p": ["pytorch"],
    "ccmsweep plan s.yaml --set training.batch=": [],
    "ccmsweep aggregate a.h5 --by actor_lr,critic_l": ["actor_lr,critic_lr"],
    "ccmsweep aggregate a.h5 --reference actor_lr=0.1,critic_l": ["0.1,critic_lr="],
    "ccmsweep aggregate a.h5 --against critic_l": ["critic_lr="],
    "ccmsweep aggregate a.h5 --format": ["--format"],
    "ccmsweep export a.h5 b --where training.se": ["training.seed="],
    "ccmsweep export a.h5 b --where lab": ["label="],
    "ccmsweep aggregate a.h5 --by lab": ["label"],
    "ccmsweep train --set lab": [],
    "ccmsweep export a.h5 b --where environment_preset=": ["published-2026", "published-2024"],
    "ccmsweep export a.h5 b --tables runs,act": ["runs,actors", "runs,actor_logs"],
    "ccmsweep bench ": ["train", "schedule"],
    "ccmsweep bench schedule --c": ["--cells", "--commits"],
    "ccmsweep bench train --c": ["--count"],
    "ccmsweep run ": [],
    "ccmsweep train -- -": [],
    "ccmsweep nothing --": [],
}


@pytest.mark.parametrize("line", OFFERED)
def test_completion(line, tmp_path):
    assert complete(line, tmp_path) == OFFERED[line]


def test_tab_in_a_shell(tmp_path):
    """What bash itself makes of it: '=' splits its words, a key is not followed by a blank, and a
    file is completed where a file is meant."""
    (tmp_path / "my-sweep.yaml").write_text("{}")
    keys = ("source \"$SCRIPT\"\n"
            "ccmsweep train --set networks.ta\tp\t my-s\t --output=my\t --js\t\x01echo \n"
            "exit\n")
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(tmp_path)
        os.execvpe("bash", ["bash", "--norc", "-i"], {
            "PATH": os.environ["PATH"], "TERM": "dumb", "PS1": "$ ", "HOME": str(tmp_path),
            "INPUTRC": "/dev/null", "SCRIPT": str(COMPLETION)})
    os.write(terminal, keys.encode())
    shown = b""
    while True:
        try:
            piece = os.read(terminal, 65536)
        except OSError:
            break
        if not piece:
            break
        shown += piece
    os.close(terminal)
    os.waitpid(pid, 0)
    assert ("\nccmsweep train --set networks.tanh=pytorch my-sweep.yaml --output=my-sweep.yaml "
            "--json\r\n") in shown.decode(), shown


def test_completion_of_settings_has_all_keys():
    offered = complete("ccmsweep train --set ")
    keys = re.findall(r"^\\fB([\w.]+)\\fR=", (PAGES / "ccmsweep-train.1").read_text(), re.M)
    full = [key for key in offered if "." in key]
    assert len(full) > 60 and full == [f"{key}=" for key in keys if "." in key]


def test_completion_offers_the_short_keys_that_are_accepted(tmp_path):
    offered = [key for key in complete("ccmsweep train --set ") if "." not in key]
    assert offered == ["actor_lr=", "critic_lr=", "seed=", "episodes="]
    (tmp_path / "s.yaml").write_text("{}")
    for key in offered:
        assert run("spec", tmp_path / "s.yaml", "--set", f"{key}1").returncode == 0
    assert run("spec", tmp_path / "s.yaml", "--set", "gamma=1").returncode == 2


def test_bash_loads_it_and_completes_files(tmp_path):
    """Where there is no word to offer, bash itself offers files."""
    done = subprocess.run(["bash", "--norc", "-c", 'source "$1"; complete -p ccmsweep', "bash",
                           COMPLETION], capture_output=True, text=True)
    assert done.stdout == "complete -o default -F _ccmsweep ccmsweep\n" and done.stderr == ""
