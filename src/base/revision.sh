#!/bin/sh
# SPDX-License-Identifier: MIT
# Print the revision that this folder is of, "-dirty" behind it when files differ from it. Fails where
# git does not know. jobs/env.sh is the site's to edit, and decides no result: it makes none dirty.
set -eu
cd "$(dirname "$0")"
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

# Whoever builds here trusts the owner of this folder; git asks for that to be said.
ask_git() {
    git --no-optional-locks -c safe.directory='*' "$@"
}

# A repository further up, in which this is merely unpacked, is none of ours.
[ "$(ask_git rev-parse --show-prefix)" = src/base/ ]
revision=$(ask_git rev-parse HEAD)
changed=$(ask_git status --porcelain -uno -- :/ ":(top,exclude)jobs/env.sh")
echo "$revision${changed:+-dirty}"
