#!/bin/bash -p
# SPDX-License-Identifier: MIT
# Write the report of a sweep, finished or not: one HTML file with all figures and tables. Or show it
# as a live page while the sweep runs.
#
# Usage: jobs/report.sh FILE [-o DIR] [OPTION…]
#        jobs/report.sh FILE --serve [PORT] [OPTION…]
#
# It is DIR/report.html, without -o FILE.report/report.html. OPTION is --latex (also a paper's
# skeleton in DIR/paper, where what you have edited stays) or one of build/ccmsweep aggregate that
# says what to estimate: --event, --endpoint, --by, --limit, --confidence, --reference.
#
# --serve writes nothing beside FILE. It prints the address of a page, http://127.0.0.1:PORT/ (8765;
# with 0 a port that is free), for browsers of the same user on this machine; from another machine
# ssh -L leads there. Counts, ETA and grid are always of now, and figures are drawn again when runs
# are committed. It ends by Ctrl-C or a signal, not with the sweep; FILE may be made later.
#
# Environment:
#   CCMSWEEP  the program; without it build/ccmsweep, which is built first
#   TMPDIR    folder for figures of --serve while it runs (default /tmp)
# Exit codes: 0 written, or --serve was ended; 1 the system fails, for example the disk; 2 wrong input,
# a port that is in use, or there is no Python that has the packages; 3 written, but a figure could not
# be drawn, part of FILE is damaged, or the paper does not compile: a line and the page say which.
set -euo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
--help | -h | '-?') usage "${BASH_SOURCE[0]}" && exit 0 ;;
'' | -*) fail 2 "jobs/report.sh: no file, expected jobs/report.sh FILE [-o DIR] [OPTION…]" ;;
esac
file=$1
shift
folder=(-o "$file.report") live=false port=() options=()
while [ "$#" -gt 0 ]; do
    word=$1
    shift
    case $word in
    --serve)
        live=true
        case ${1:-} in
        '' | -*) ;;
        *) port=(--port "$1") && shift ;;
        esac
        continue
        ;;
    --serve=*)
        live=true port=(--port "${word#*=}")
        continue
        ;;
    -o* | --output | --output=*) folder=() ;;
    esac
    options+=("$word")
done
if $live; then
    for word in "${options[@]}"; do
        case $word in
        -o* | --output | --output=* | --latex)
            fail 2 "jobs/report.sh: $word and --serve, which writes no files; expected one of the two"
            ;;
        esac
    done
fi
need_files
find_program
script=$root/analysis/run.py
if ! python=$(find_python "$script"); then
    "$root/jobs/setup.sh" run || true
    python=$(find_python "$script") ||
        fail 2 "No report: there is no python3 with h5py, jinja2, matplotlib, numpy."
fi
if $live; then
    export CCMSWEEP=$program
    # So that a signal to this script ends it.
    become_python "$python" "$script" serve "$file" ${port[@]+"${port[@]}"} \
        ${options[@]+"${options[@]}"}
fi
code=0
written=$(CCMSWEEP=$program run_python "$python" "$script" \
    report "$file" ${folder[@]+"${folder[@]}"} ${options[@]+"${options[@]}"}) || code=$?
while IFS= read -r name; do
    [ -z "$name" ] || say "Report: $(quoted "$name")"
done <<<"$written"
exit "$code"
