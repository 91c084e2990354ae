#!/bin/bash -p
# SPDX-License-Identifier: MIT
# Write the report of a sweep, finished or not: one HTML file with all figures and tables.
#
# Usage: jobs/report.sh FILE [-o DIR] [OPTION…]
#
# It is DIR/report.html, without -o FILE.report/report.html. OPTION is --latex (also a paper's
# skeleton in DIR/paper, where what you have edited stays) or one of build/ccmsweep aggregate that
# says what to estimate: --event, --endpoint, --by, --limit, --confidence, --reference.
#
# Environment:
#   CCMSWEEP  the program; without it build/ccmsweep, which is built first
# Exit codes: 0 written; 1 the system fails, for example the disk; 2 wrong input, or there is no Python
# that has the packages; 3 written, but a figure could not be drawn, part of FILE is damaged, or the
# paper does not compile: a line and the page say which.
set -euo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

case ${1:-} in
--help | -h | '-?') usage "${BASH_SOURCE[0]}" && exit 0 ;;
'' | -*) fail 2 "jobs/report.sh: no file, expected jobs/report.sh FILE [-o DIR] [OPTION…]" ;;
esac
file=$1
shift
folder=(-o "$file.report")
for word in "$@"; do
    case $word in
    -o* | --output | --output=*) folder=() ;;
    esac
done
need_files
find_program
script=$root/analysis/run.py
if ! python=$(find_python "$script"); then
    "$root/jobs/setup.sh" run || true
    python=$(find_python "$script") ||
        fail 2 "No report: there is no python3 with h5py, jinja2, matplotlib, numpy."
fi
code=0
written=$(CCMSWEEP=$program run_python "$python" "$script" \
    report "$file" ${folder[@]+"${folder[@]}"} "$@") || code=$?
while IFS= read -r name; do
    [ -z "$name" ] || say "Report: $(quoted "$name")"
done <<<"$written"
exit "$code"
