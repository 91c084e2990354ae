#!/bin/bash -p
# SPDX-License-Identifier: MIT
# Run the tests: install what they need, build with warnings as errors, all suites, then the unit
# suite once more under AddressSanitizer and UndefinedBehaviorSanitizer. The last line counts single
# results: "N passed, N failed" (", N skipped"). Damaged and hostile files are read there as well.
#
# Usage: tests/run.sh [--all] [--suite NAME]
#   --all         also: sweeps and SLURM jobs killed at random (a quarter of an hour); each call of
#                 the system failing once, and 1,000 mutants of files (an hour); all states of the
#                 training step; how often intervals hold the truth; figures of R's survival made
#                 anew; the unit suite as built by clang; its quick tests under valgrind (trainings
#                 would take hours there)
#   --suite NAME  this suite alone: unit, cli, mpi, resume, failures, mutants, slurm, soak,
#                 survival, analysis, install, style
# Exit codes: 0 all passed; 1 something failed, crashed, did not build, or nothing was run; 2 usage,
# a limit of file size below 4 GB (ulimit -f), or a package is missing and cannot be installed.
set -euo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/../jobs/common.sh"

all=false
suite=
while [ "$#" -gt 0 ]; do
    case $1 in
    --all) all=true ;;
    --suite) [ "$#" -gt 1 ] || fail 2 "tests/run.sh: --suite needs a name" && suite=$2 && shift ;;
    --help | -h) sed -n '3,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" && exit 0 ;;
    *) fail 2 "tests/run.sh: unknown argument $1; usage: tests/run.sh [--all] [--suite NAME]" ;;
    esac
    shift
done

need_files 4194304 "tests make files of some GB, most of them holes"

logs=()
# The process of the suites that run beside all others.
waiting=
trap '[ -z "$waiting" ] || kill "$waiting" 2>/dev/null || true' EXIT

# Whether the suite is wanted: runs NAME.
runs() {
    [ -z "$suite" ] || [ "$suite" = "$1" ]
}

# Run suites in a folder that is built: test_in FOLDER SETUP LABEL [SUITE…]. What failed is counted
# in the end, from the log; no log is a failure too.
test_in() {
    local folder=$root/$1 setup=$2 label=$3 suites=() log name
    shift 3
    for name in "$@"; do
        suites+=(--suite "$name")
    done
    log=$folder/meson-logs/$label.json
    rm -f "$folder/meson-logs/$label"*
    say "Testing: $label"
    # One more than there are processors: many tests wait, for instants and for processes that end.
    MESON_TESTTHREADS=${MESON_TESTTHREADS:-$(($(nproc) + 1))} meson test -C "$folder" --no-rebuild --setup "$setup" --logbase "$label" \
        ${suites[@]+"${suites[@]}"} </dev/null || true
    # Meson adds the name of a setup that was asked for.
    for name in "$folder/meson-logs/$label"*.json; do
        [ ! -f "$name" ] || mv "$name" "$log"
    done
    logs+=("$label=$log")
}

# Wait for the suites that were started beside the others, and show what they said.
end_waiting() {
    [ -n "$waiting" ] || return 0
    wait "$waiting" || true
    waiting=
    cat "$root/build/slurm.out"
    logs+=("slurm=$root/build/meson-logs/slurm.json")
}

# Count all results, print the last line, and leave.
finish() {
    end_waiting
    python3 "$root/tests/count.py" "${logs[@]}" && exit 0
    exit 1
}

# Configure and compile; a failure counts as one: build_for LABEL FOLDER [MESON OPTION…]
build_for() {
    local label=$1 folder=$2
    shift 2
    configure_in "$folder" -Dtests=enabled "$@" && compile_in "$folder" && return
    logs+=("$label=")
    finish
}

if $all; then
    "$root/jobs/setup.sh" all
else
    "$root/jobs/setup.sh" test
fi

build_for build build -Dwerror=true -Dfaults=true
# Jobs of SLURM mostly wait, for its turns and for time limits: beside all others.
if runs slurm; then
    MESON_TESTTHREADS=1 test_in build waiting slurm slurm limits >"$root/build/slurm.out" 2>&1 &
    waiting=$!
fi
[ "$suite" = slurm ] || test_in build default build ${suite:+"$suite"}
if $all && [ -z "$suite" ]; then
    end_waiting
    test_in build default soak soak
    test_in build default survival survival
fi
# In the build with sanitizers: suites_sanitized, each asked for, or a part of what is.
suites_sanitized=()
! runs unit || suites_sanitized+=(unit)
! runs mutants || suites_sanitized+=(mutants)
if [ "$suite" = soak ] || { $all && [ -z "$suite" ]; }; then
    suites_sanitized+=(mutants-soak)
fi
if [ "${#suites_sanitized[@]}" -gt 0 ]; then
    build_for sanitizer build-sanitizer -Dbuildtype=debugoptimized -Dfaults=true \
        -Db_sanitize=address,undefined -Db_lundef=false
    test_in build-sanitizer sanitizer sanitizer "${suites_sanitized[@]}"
fi
if $all && runs unit; then
    CC=clang build_for clang build-clang -Dwerror=true
    test_in build-clang default clang unit
    say "Under valgrind only the quick tests of the unit suite are run: it makes trainings too slow."
    test_in build valgrind valgrind quick
fi
finish
