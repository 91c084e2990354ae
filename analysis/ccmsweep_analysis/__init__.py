# SPDX-License-Identifier: MIT
"""The file of a ccmsweep sweep in Python: see analysis/README.md.

In a notebook, with `import ccmsweep_analysis`:

- `open(path)`: the runs as an xarray Dataset, read when they are needed;
- `aggregate(path, event=…, by=…)`: estimates with intervals, as pandas frames;
- `figure(name, path or estimates)`: a Matplotlib Figure; `figure_names()` lists the names.

What is wrong with the input raises Unreadable, what the system could not do Fault, and a figure that
has nothing to show NothingToDraw, each with one sentence. Runs that are damaged are left out with the
warning Damaged. As a command: `python3 -m ccmsweep_analysis --help`."""
import importlib
import os
import sys
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .canvas import NothingToDraw
    from .dataset import open  # noqa: A004
    from .estimates import Estimates, aggregate
    from .gallery import figure, figure_names
    from .sweep import Damaged, Fault, Unreadable

# Names, and the modules that have them, which are imported when they are first asked for: a report
# must not need xarray, nor a dataset Matplotlib.
_WHERE = {"open": "dataset", "aggregate": "estimates", "Estimates": "estimates",
          "figure": "gallery", "figure_names": "gallery", "NothingToDraw": "canvas",
          "Damaged": "sweep", "Fault": "sweep", "Unreadable": "sweep"}
__all__ = ["Damaged", "Estimates", "Fault", "NothingToDraw", "Unreadable", "aggregate", "figure",
           "figure_names", "open"]


def __getattr__(name: str) -> object:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    try:
        found = getattr(importlib.import_module(f".{_WHERE[name]}", __name__), name)
    except ModuleNotFoundError as error:
        from .words import no_module
        raise ModuleNotFoundError(no_module(name, error), name=error.name) from error
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])


def _forget_current_folder() -> None:
    """Take the current folder out of the search path. `python3 -m` looks there first, and could
    find a file that is not one of our modules. This package finds its own parts without it."""
    if sys.argv[:1] != ["-m"]:  # as long as Python looks for the module; a notebook keeps its path
        return
    try:
        here = ["", os.getcwd()]
    except OSError:
        here = [""]
    if sys.path and sys.path[0] in here and not getattr(sys.flags, "safe_path", False):
        del sys.path[0]


_forget_current_folder()
