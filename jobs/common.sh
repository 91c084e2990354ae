# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts share. Sourced, not run: sets $root, the folder of the project.

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

# Tell the user something; standard output is kept for results.
say() {
    printf '%s\n' "$*" >&2
}

# A path as a shell takes it.
quoted() {
    printf '%q' "$1"
}

# Say why and leave with a code.
fail() {
    local code=$1
    shift
    say "$*"
    exit "$code"
}

# Run a command whose output matters only when it fails: run_quietly "what it does" COMMAND…
run_quietly() {
    local what=$1 log code=0
    shift
    log=$(mktemp)
    say "$what"
    "$@" >"$log" 2>&1 </dev/null || code=$?
    if [ "$code" -ne 0 ]; then
        # Without ninja's count of what went well.
        grep -v '^\[[0-9]*/[0-9]*\] ' "$log" >&2 || true
        say "failed: $what (exit code $code)"
    fi
    rm -f "$log"
    return "$code"
}

# Configure $root/NAME, if it is not or when options are given: configure_in NAME [MESON OPTION…]
configure_in() {
    local name=$1 folder=$root/$1
    shift
    if [ ! -f "$folder/build.ninja" ]; then
        run_quietly "Configuring $name/" meson setup "$@" "$folder" "$root"
    elif [ "$#" -gt 0 ]; then
        run_quietly "Configuring $name/" meson configure "$@" "$folder"
    fi
}

# Compile in $root/NAME, everything or the targets given: compile_in NAME [TARGET…]
compile_in() {
    local name=$1
    shift
    run_quietly "Building $name/" meson compile -C "$root/$name" "$@"
}

# Print the comment at the head of a script: usage SCRIPT
usage() {
    sed -n '/^# SPDX/,/^set/{/^# SPDX/d;s/^# \{0,1\}//p}' "$1"
}

# Set $program: $CCMSWEEP, or the one of build/, which is built first.
find_program() {
    program=${CCMSWEEP:-$root/build/ccmsweep}
    if [ -z "${CCMSWEEP:-}" ]; then
        # A folder that is configured has found all it needs, whoever installed it.
        [ -f "$root/build/build.ninja" ] || "$root/jobs/setup.sh" run
        configure_in build || exit 1
        compile_in build ccmsweep:executable || exit 1
    fi
}

# Print a Python that has these modules, for the first on PATH may not: find_python "MODULE, MODULE"
find_python() {
    local python
    for python in python3 /usr/bin/python3; do
        if "$python" -c "import $1" >/dev/null 2>&1; then
            printf '%s\n' "$python"
            return 0
        fi
    done
    return 1
}

# Read jobs/env.sh. Modules, Spack and conda do not bear the strictness of these scripts.
read_site() {
    set +eu +o pipefail
    # shellcheck source=jobs/env.sh
    . "$root/jobs/env.sh"
    set -eu -o pipefail
}

# Forget the variables of an allocation that this runs in: they would be taken for the new job's.
leave_allocation() {
    local name
    for name in ${!SLURM_*}; do
        case $name in
        SLURM_CONF | SLURM_CLUSTERS) ;;
        *) unset "$name" ;;
        esac
    done
}

# Set $state to that of a job in the queue, empty when it is not there any more: ask_queue JOB.
# Without an answer it fails, and $state is what was said instead.
ask_queue() {
    state=$(squeue -h -j "$1" -o %T 2>&1) || case $state in
    *'Invalid job id'*) state= ;;
    *) return 1 ;;
    esac
    state=${state##*$'\n'}
}

# shellcheck disable=SC2034 # $code is the caller's, whose traps set $interrupted and $gave_up
# Wait for a process, whatever signals come, unless they give it up; its exit code is left in $code.
wait_for() {
    local answer
    code=
    while :; do
        interrupted=false
        answer=0
        # Without what bash has to say about a process that was killed.
        wait "$1" 2>/dev/null || answer=$?
        # 127: it had ended as the signal came, and its code is known.
        [ "$answer" -eq 127 ] && [ -n "$code" ] || code=$answer
        if ! $interrupted || ${gave_up:-false}; then
            return
        fi
    done
}

# Set $later to options of ccmsweep run without those that hold for a first start alone: cells that
# crash again would be tried again for ever.
leave_out_once() {
    local word value=false
    later=()
    for word in "$@"; do
        if $value; then
            value=false
            continue
        fi
        # As getopt_long does, it takes names cut short.
        case $word in
        --ret*=* | --reu*=* | --c | --ch | --che | --chec | --check) ;;
        --ret* | --reu*) value=true ;;
        *) later+=("$word") ;;
        esac
    done
}

# Open MPI asks root to mean it.
allow_root() {
    if [ "$(id -u)" -eq 0 ]; then
        export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    fi
}

# The first number with this key in the JSON on standard input: number_in KEY
number_in() {
    sed -n '/"'"$1"'": *[0-9]/{s/^.*"'"$1"'": *\([0-9.e+-]*\).*$/\1/p;q}'
}

# shellcheck disable=SC2154 # $program and $file are the caller's
# What changes when the sweep in $file comes on: the cells that need no more work, and the newest
# checkpoint.
standing() {
    "$program" status "$file" --json 2>/dev/null |
        grep -oE '"(done|failed|quarantined)": *[1-9][0-9]*' || true
    stat -c '%.9Y %n' -- "$file".ckpt/*.ckpt 2>/dev/null | sort -n | tail -n 1 || true
}

# What is known of the SLURM jobs of the sweep in $file is in the folder $file.job, a small file for
# each thing: remember NAME VALUE; recall NAME (empty when there is none). No job ends because it
# cannot be written, but $forgetful is true then.
forgetful=false
# shellcheck disable=SC2034 # jobs/sweep.sbatch uses it
remember() {
    local new=$file.job/.$1.$$
    { mkdir -p -- "$file.job" && printf '%s\n' "$2" >"$new" &&
        mv -fT -- "$new" "$file.job/$1"; } 2>/dev/null || forgetful=true
}

recall() {
    cat -- "$file.job/$1" 2>/dev/null || true
}
