# SPDX-License-Identifier: MIT
"""Run pytest on the files given and report each case as a line of TAP, with the reason of a skip.

Usage: python3 tap.py FILE... A failure is followed by its traceback, as comments. What the files
share they import from the modules in helpers/: that folder is the first on Python's path.
"""
import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest


class Tap:
    """The plugin that prints: one point a case, the plan at the end."""

    def __init__(self, stream):
        self.stream = stream
        self.count = 0

    def point(self, ok, name, note="", detail=""):
        self.count += 1
        word = "ok" if ok else "not ok"
        print(f"{word} {self.count} - {name}{note}", file=self.stream)
        for line in str(detail).splitlines():
            print(f"# {line}", file=self.stream)
        self.stream.flush()

    def comment(self, text):
        print(f"# {text}", file=self.stream, flush=True)

    def pytest_collectreport(self, report):
        if report.failed:
            self.point(False, f"{report.nodeid} (collection)", detail=report.longrepr)
        elif report.skipped:
            self.skip(report.nodeid, report)

    def skip(self, name, report):
        self.point(True, name, f" # SKIP {report.longrepr[2].removeprefix('Skipped: ')}")

    def pytest_runtest_logreport(self, report):
        name = report.nodeid.split("::", 1)[-1].replace("#", "no. ")
        if report.skipped:
            self.skip(name, report)
        elif report.failed:
            self.point(False, f"{name} ({report.when})", detail=report.longreprtext)
        elif report.when == "call":
            self.point(True, name)

    def pytest_sessionfinish(self):
        print(f"1..{self.count}", file=self.stream)
        self.stream.flush()


def main(arguments):
    # What pytest itself has to say goes nowhere; TAP goes to a copy of standard output.
    plugin = Tap(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.path.insert(0, str(Path(__file__).parent / "helpers"))
    # A folder of its own: in the one that pytest shares between all runs of a user it removes those
    # of others. Its name is short, for sockets are made there. What failed is left, to be looked at.
    base = tempfile.mkdtemp(prefix="ccmsweep-")
    code = pytest.main(["-p", "no:cacheprovider", "--tb=short", f"--basetemp={base}/t", *arguments],
                       plugins=[plugin])
    if code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        shutil.rmtree(base, ignore_errors=True)
    else:
        plugin.comment(f"what the tests made is left in {base}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
