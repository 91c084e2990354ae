# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts share. Sourced, not run: sets $root, the folder of the project.

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)

# Tell the user something; standard output is kept for results.
say() {
    printf '%s\n' "$*" >&2
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
