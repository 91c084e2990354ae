# SPDX-License-Identifier: MIT
"""python3 -m ccmsweep_analysis list|figures|report FILE …"""
import argparse
import os
import shutil
import sys
import tempfile

try:
    from .drawing import draw_all
    from .figures import FIGURES
    from .paper import write_paper
    from .report import write_report
    from .study import take_snapshot
    from .sweep import Unreadable
except ModuleNotFoundError as error:
    print(f"ccmsweep_analysis: {sys.executable} has no {error.name}; expected a Python with h5py, "
          "jinja2, matplotlib and numpy: jobs/report.sh finds one", file=sys.stderr)
    sys.exit(2)

# Options of ccmsweep aggregate that are passed on as they are.
PASSED_ON = {
    "--event": "first_still (default), gradient_zero_first, gradient_zero, hard_saturation or "
               "last_change",
    "--endpoint": "all (default), half or first of a run's actors",
    "--by": "axes that make a configuration; others are pooled (default: all but the seed)",
    "--limit": "episode up to which all is looked at",
    "--confidence": "of intervals (default 0.95)",
    "--bootstrap": "draws of seeds",
    "--permutations": "of seeds, where not all are tried",
    "--draw-seed": "of draws and permutations (default 1)",
    "--reference": "AXIS=VALUE,…: the configuration that others are compared with",
}


def parser():
    top = argparse.ArgumentParser(
        prog="python3 -m ccmsweep_analysis", allow_abbrev=False,
        description="Figures and reports of the file of a sweep, finished or not.",
        epilog="Exit codes: 0 written; 1 the disk fails; 2 an option or the file is not good.")
    commands = top.add_subparsers(dest="command", required=True, metavar="list|figures|report")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("file", metavar="FILE", help="the file of a sweep")
    passed = common.add_argument_group("statistics, as of ccmsweep aggregate")
    for name, words in PASSED_ON.items():
        passed.add_argument(name, metavar="…", help=words)
    passed.add_argument("--compare", action="store_true",
                        help="compare more than 100 configurations as well")
    commands.add_parser("list", parents=[common], allow_abbrev=False,
                        help="names of all figures, and whether FILE has what they show")
    figures = commands.add_parser("figures", parents=[common], allow_abbrev=False,
                                  help="draw figures into a folder")
    figures.add_argument("-o", "--output", required=True, metavar="DIR", help="folder to write to")
    figures.add_argument("--only", metavar="NAME,…", help="these figures alone (see list)")
    figures.add_argument("--format", default="png,svg,pdf", metavar="FORM,…",
                         help="png, svg, pdf (default: all three)")
    report = commands.add_parser("report", parents=[common], allow_abbrev=False,
                                 help="write DIR/report.html, which needs nothing else")
    report.add_argument("-o", "--output", required=True, metavar="DIR", help="folder to write to")
    report.add_argument("--latex", action="store_true",
                        help="also DIR/paper: tables, figures, numbers and a skeleton that "
                             "LaTeX compiles; paper.pdf where there is pdflatex")
    return top


def passed_on(arguments):
    """What of the options goes to ccmsweep aggregate."""
    words = ["--compare"] if arguments.compare else []
    for name in PASSED_ON:
        value = getattr(arguments, name[2:].replace("-", "_"))
        if value is not None:
            words += [f"{name}={value}"]
    return words


def chosen(text, known, what):
    """Names of a list with commas, each of them known."""
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            raise Unreadable(f"{what} {name}: unknown; expected some of {', '.join(known)}")
    if not names:
        raise Unreadable(f"{what}: empty; expected some of {', '.join(known)}")
    return names


def snapshot_of(arguments):
    return take_snapshot(arguments.file, passed_on(arguments), getattr(arguments, "latex", False))


def make_folder(name):
    try:
        os.makedirs(name, exist_ok=True)
    except OSError as error:
        raise Unreadable(f"{name}: {error.strerror}; expected a folder to write to") from error


def list_figures(arguments):
    for one in draw_all(snapshot_of(arguments), list(FIGURES), "", ()):
        print(f"{one.name:<22} {one.title}" + (f" [not drawn: {one.reason}]" if one.reason else ""))


def draw_figures(arguments):
    names = chosen(arguments.only, FIGURES, "--only") if arguments.only is not None else FIGURES
    endings = chosen(arguments.format, ("png", "svg", "pdf"), "--format")
    snapshot = snapshot_of(arguments)
    make_folder(arguments.output)
    with tempfile.TemporaryDirectory() as scratch:
        for one in draw_all(snapshot, list(names), scratch, endings):
            for path in one.files.values():
                print(shutil.copy(path, arguments.output))
            if not one.files:
                print(f"{one.name}: not drawn: {one.reason}", file=sys.stderr)


def write_reports(arguments):
    snapshot = snapshot_of(arguments)
    make_folder(arguments.output)
    print(write_report(snapshot, arguments.output))
    if arguments.latex:
        print(write_paper(snapshot, arguments.output))


COMMANDS = {"list": list_figures, "figures": draw_figures, "report": write_reports}


def main():
    arguments = parser().parse_args()
    try:
        COMMANDS[arguments.command](arguments)
    except Unreadable as error:
        print(f"ccmsweep_analysis: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except OSError as error:
        print(f"ccmsweep_analysis: {error.filename or arguments.file}: {error.strerror or error}",
              file=sys.stderr)
        return 1
    return 0


sys.exit(main())
