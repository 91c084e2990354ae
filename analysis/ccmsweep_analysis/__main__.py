# SPDX-License-Identifier: MIT
"""python3 -m ccmsweep_analysis list|figures|report|serve FILE …, where it is installed
ccmsweep-analysis list|figures|report|serve FILE …"""
import argparse
import os
import pathlib
import signal
import sys
import traceback

try:
    from . import defaults  # noqa: F401 (before all that imports Matplotlib)
    from .drawing import draw_all
    from .facts import failed
    from .figures import FIGURES
    from .output import naming, refuse_own, workshop, write_whole
    from .paper import write_paper
    from .report import write_report
    from .server import PORT, port_of, serve
    from .study import take_snapshot
    from .sweep import Fault, Unreadable
    from .words import name_out, open_streams, printable, say, shown
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
    "--limit": "last episode that is evaluated",
    "--confidence": "of intervals (default 0.95)",
    "--bootstrap": "draws of seeds",
    "--permutations": "of seeds, where not all are tried",
    "--draw-seed": "of draws and permutations (default 1)",
    "--reference": "AXIS=VALUE,…: the configuration that others are compared with",
    "--against": "AXIS=VALUE: compare each configuration with the one that is equal in all other "
                 "axes (default: label=published, or the first label, where there are labels)",
}


def called_as():
    """What the user has called: the command that is installed, or this module."""
    name = os.path.basename(sys.argv[0])
    return name if name == "ccmsweep-analysis" else "python3 -m ccmsweep_analysis"


def parser():
    top = argparse.ArgumentParser(
        prog=called_as(), allow_abbrev=False,
        description="Figures and reports of the file of a sweep, finished or not.",
        epilog="Exit codes: 0 written; of serve: ended by Ctrl-C or a signal; 1 the system failed, "
               "for example the disk; 2 an option or "
               "the file is wrong, and nothing is written; 3 written, but a figure could not be "
               "drawn, part of the file is damaged, or the paper does not compile: the page and a "
               "line say which.")
    commands = top.add_subparsers(dest="command", required=True, metavar="list|figures|report|serve")
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("file", metavar="FILE", help="the file of a sweep")
    passed = common.add_argument_group("statistics, as of ccmsweep aggregate")
    for name, words in PASSED_ON.items():
        passed.add_argument(name, metavar="…", help=words)
    passed.add_argument("--compare", action="store_true",
                        help="compare more than 100 configurations as well")
    passed.add_argument("--verify", action="store_true",
                        help="compare the rows with their checksums also when they are many")
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
    live = commands.add_parser(
        "serve", parents=[common], allow_abbrev=False,
        help="show the report as a live page in browsers of this machine, until Ctrl-C")
    live.add_argument("--port", metavar="N", default=str(PORT),
                      help=f"of 127.0.0.1 (default {PORT}; 0: any that is free)")
    return top


def passed_on(arguments):
    """The options that are passed on to ccmsweep aggregate."""
    words = [f"--{name}" for name in ("compare", "verify") if getattr(arguments, name)]
    for name in PASSED_ON:
        value = getattr(arguments, name[2:].replace("-", "_"))
        if value is not None:
            words += [f"{name}={value}"]
    return words


def chosen(text, known, what):
    """The names of a list that is separated by commas. Each must be one of `known`."""
    names = [name for name in text.split(",") if name]
    for name in names:
        if name not in known:
            raise Unreadable(f"{what} {name}: unknown; expected some of {', '.join(known)}")
    if not names:
        raise Unreadable(f"{what}: empty; expected some of {', '.join(known)}")
    return names


def snapshot_of(arguments):
    folder = getattr(arguments, "output", None)
    if folder == "":
        raise Unreadable("-o: no name, expected a folder to write to")
    if folder is not None:
        refuse_own(folder)
    return take_snapshot(arguments.file, passed_on(arguments), getattr(arguments, "latex", False))


def make_folder(name):
    try:
        os.makedirs(os.path.realpath(name), exist_ok=True)
    except OSError as error:
        raise Unreadable(f"{shown(name)}: {error.strerror}; expected a folder to write to") \
            from error


def tell(path):
    """That it is written; what then fails is standard output, not what is being written."""
    with naming("standard output"):
        print(name_out(path), flush=True)


def told_of(failures):
    """Print the sentences on what failed. Returns the exit code."""
    for sentence in failures:
        say(sentence)
    return 3 if failures else 0


def list_figures(arguments):
    snapshot = snapshot_of(arguments)
    drawn = draw_all(snapshot, list(FIGURES), "", ())
    for one in drawn:
        print(printable(f"{one.name:<22} {one.title}"
                        + (f" [not drawn: {one.reason}]" if one.reason else "")))
    return told_of([*snapshot.failures, *failed(drawn)])


def draw_figures(arguments):
    names = chosen(arguments.only, FIGURES, "--only") if arguments.only is not None else FIGURES
    endings = chosen(arguments.format, ("png", "svg", "pdf"), "--format")
    snapshot = snapshot_of(arguments)
    make_folder(arguments.output)
    with naming(arguments.output), workshop(arguments.output) as scratch:
        drawn = draw_all(snapshot, list(names), scratch, endings)
        for one in drawn:
            for made in one.files.values():
                path = pathlib.Path(arguments.output) / made.name
                write_whole(path, made.read_bytes())
                tell(path)
            if one.reason and not one.failed:
                print(printable(f"{one.name}: not drawn: {one.reason}"), file=sys.stderr)
    return told_of([*snapshot.failures, *failed(drawn)])


def write_reports(arguments):
    snapshot = snapshot_of(arguments)
    make_folder(arguments.output)
    with naming(arguments.output), workshop(arguments.output) as scratch:
        path, failures = write_report(snapshot, arguments.output, scratch)
        tell(path)
        if arguments.latex:
            path, more, notes = write_paper(snapshot, arguments.output, scratch)
            tell(path)
            for sentence in notes:
                say(sentence)
            failures = list(dict.fromkeys([*failures, *more]))
    return told_of(failures)


def serve_page(arguments):
    serve(arguments.file, port_of(arguments.port), passed_on(arguments))
    return 0


COMMANDS = {"list": list_figures, "figures": draw_figures, "report": write_reports,
            "serve": serve_page}


def stop(number, _):
    """End the program by an exception, so that unfinished files are removed."""
    sys.exit(128 + number)


def read_arguments():
    try:
        return parser().parse_args()
    finally:
        sys.stdout.flush()  # --help ends here


def carry_out():
    """Carry out the command. Returns the exit code."""
    try:
        arguments = read_arguments()
        code = COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
        return code
    except Unreadable as error:
        say(error)
        return 2
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1
    except Fault as error:
        say(error)
    except MemoryError:
        say("memory is exhausted")
    except OSError as error:
        say(f"{shown(error.filename or 'standard output')}: {error.strerror or error}")
    except Exception:  # noqa: BLE001 (whatever is left)
        traceback.print_exc()
        say("this is a bug; please report it with the lines above")
    return 1


def main():
    open_streams()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, stop)
    try:
        return carry_out()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


if __name__ == "__main__":
    sys.exit(main())
