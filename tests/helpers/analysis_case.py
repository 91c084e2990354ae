# SPDX-License-Identifier: MIT
"""What the tests of ccmsweep_analysis as a command share: how it is started, with all figures or
with few."""
import gc
import os
import runpy
import subprocess
import sys
import tempfile
import traceback
import warnings
from pathlib import Path

from sweep_case import SOURCE

sys.path.insert(0, str(SOURCE / "analysis"))

from ccmsweep_analysis import drawing, paper, report  # noqa: E402, F401 (so that a fork has them)

WHOLE = ("-P", "-m", "ccmsweep_analysis")
FEW_FIGURES = (str(Path(__file__).with_name("few_figures.py")),)
# As many figures as few_figures.py keeps: with and without those that compare interventions.
FEW_COUNT, FEW_PLAIN = 13, 6
# Draws and permutations where their number does not matter.
FEW_DRAWS = ["--bootstrap", "50", "--permutations", "99"]


def analysis(*words, start=WHOLE, cwd=None, text=True, **variables):
    """Run it to its end; words may be text, bytes or paths. Where its environment is this one's, it
    is a fork of this process, which has loaded the libraries: to load them would take a second. It
    is started as a user starts it where it is stopped, gets variables, or comes from a script."""
    words = [word if isinstance(word, bytes) else str(word) for word in words]
    if not variables and start in (WHOLE, FEW_FIGURES):
        return fork(start, list(map(os.fsdecode, words)), cwd, text)
    return subprocess.run(
        [sys.executable, *start, *words], cwd=cwd, capture_output=True, text=text, timeout=300,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE / "analysis"), **variables})


def fork(start, words, cwd, text):
    """The same as a fork: code, output and error."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        gc.freeze()  # the child need not look through what is here
        pid = os.fork()
        if pid == 0:
            os._exit(be_the_command(start, words, cwd, out, err))
        gc.unfreeze()
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        told = []
        for file in (out, err):
            file.seek(0)
            told.append(file.read().decode("utf-8") if text else file.read())
    return subprocess.CompletedProcess([*start, *words], code, *told)


def be_the_command(start, words, cwd, out, err):
    """Of the child: what Python does when it starts and ends. Returns the exit code."""
    code = 1
    try:
        for number, file in enumerate((open(os.devnull, "rb"), out, err)):
            os.dup2(file.fileno(), number)
        sys.stdin, sys.stdout = open(0, closefd=False), open(1, "w", closefd=False)
        sys.stderr = open(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        # Pytest keeps warnings, which otherwise go to standard error.
        warnings.resetwarnings()
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning,
                         ResourceWarning):
            warnings.simplefilter("ignore", category)
        warnings.showwarning = lambda *words: sys.stderr.write(warnings.formatwarning(*words[:4]))
        if cwd is not None:
            os.chdir(cwd)
        sys.argv = [start[-1], *words]
        if start == WHOLE:
            runpy.run_module("ccmsweep_analysis", run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(start[0], run_name="__main__")
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 (as of any program)
        traceback.print_exc()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = 120
    return code
