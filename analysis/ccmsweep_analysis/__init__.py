# SPDX-License-Identifier: MIT
"""Figures and reports of the file of a ccmsweep sweep: see analysis/README.md."""
import os
import sys


def _forget_current_folder():
    """Take the current folder out of the search path. `python3 -m` looks there first, and could
    find a file that is not one of our modules. This package finds its own parts without it."""
    try:
        here = ["", os.getcwd()]
    except OSError:
        here = [""]
    if sys.path and sys.path[0] in here and not getattr(sys.flags, "safe_path", False):
        del sys.path[0]


_forget_current_folder()
