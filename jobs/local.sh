#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Train on this machine: install what is missing, build, train, show when each actor stopped.
#
# Usage: jobs/local.sh [SPEC.yaml] [OPTION…]      as of ccmsweep train; see jobs/local.sh --help
#
# Without arguments: the published run of actor_lr 0.1, critic_lr 0.01, seed 42, in which all actors
# have stopped at episode 188, into published-0.1-0.01.h5 in the current folder (about a minute).
# A run that was stopped goes on where it was. Exit codes: those of ccmsweep.
set -euo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

# A folder that is configured has found all it needs, whoever installed it.
[ -f "$root/build/build.ninja" ] || "$root/jobs/setup.sh" run
configure_in build || exit 1
compile_in build ccmsweep:executable || exit 1
program=$root/build/ccmsweep
if [ "$#" -gt 0 ]; then
    exec "$program" train "$@"
fi

run=published-0.1-0.01.h5
options=("$root/sweeps/published-0.1-0.01.yaml" -o "$run")
if "$program" show "$run" >/dev/null 2>&1; then
    say "$run holds this run already, finished; here it is again. To train it anew:"
    say "  jobs/local.sh ${options[*]} --force"
    exec "$program" show "$run"
fi
say "Training the published run: actor_lr 0.1, critic_lr 0.01, seed 42, into $run"
exec "$program" train "${options[@]}"
