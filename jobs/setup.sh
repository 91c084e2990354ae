#!/bin/bash -p
# SPDX-License-Identifier: MIT
# Install what is missing to build and run (run), also to test (test), also for all tests (all).
# The one place with the names of Debian's packages. Says nothing when nothing is missing.
#
# Usage: jobs/setup.sh [run|test|all]
# Exit codes: 0 all there; 2 something is missing and cannot be installed from here, for example as
# the limit of file size (ulimit -f) is too small.
set -euo pipefail
# shellcheck source=jobs/common.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/common.sh"

build=(
    gcc libc6-dev meson ninja-build pkg-config
    libopenblas-dev libhdf5-openmpi-dev libopenmpi-dev nettle-dev libyaml-dev libjansson-dev
    libgsl-dev
)
run=(openmpi-bin git ca-certificates)
report=(python3-h5py python3-jinja2 python3-matplotlib python3-numpy)
test=(
    libcmocka-dev hdf5-tools
    python3-h5netcdf python3-pandas python3-pytest python3-xarray
    python3-pip python3-setuptools python3-wheel
    chromium texlive-latex-base texlive-latex-recommended texlive-fonts-recommended
    clang-format codespell shellcheck
)
# Only root can start a cluster for the tests of jobs: without root they are skipped.
test_as_root=(munge slurm-wlm)
all=(clang libclang-rt-14-dev valgrind r-base-core r-cran-survival)

case ${1:-run} in
run) packages=("${build[@]}" "${run[@]}" "${report[@]}") ;;
test) packages=("${build[@]}" "${run[@]}" "${report[@]}" "${test[@]}") ;;
all) packages=("${build[@]}" "${run[@]}" "${report[@]}" "${test[@]}" "${all[@]}") ;;
*) fail 2 "usage: jobs/setup.sh [run|test|all]" ;;
esac
if [ "${1:-run}" != run ] && [ "$(id -u)" -eq 0 ]; then
    packages+=("${test_as_root[@]}")
fi

# Without Debian's packages: look for the tools themselves and name what is wanted.
check_tools() {
    local missing=() name
    for name in cc meson ninja pkg-config git; do
        command -v "$name" >/dev/null || missing+=("$name")
    done
    command -v mpicc >/dev/null || missing+=("Open MPI (mpicc)")
    if command -v pkg-config >/dev/null; then
        for name in openblas yaml-0.1 jansson nettle gsl; do
            pkg-config --exists "$name" || missing+=("$name (its .pc file)")
        done
        pkg-config --exists hdf5 || command -v h5pcc >/dev/null ||
            missing+=("parallel HDF5 (hdf5.pc or h5pcc)")
    fi
    [ "${#missing[@]}" -eq 0 ] && return
    say "This is not Debian, and these are missing:"
    printf '  %s\n' "${missing[@]}" >&2
    say "Load or install them first, for example
  modules      module load gcc openmpi hdf5 openblas meson ninja
  Spack        spack install openmpi openblas hdf5+mpi+hl nettle libyaml jansson gsl meson ninja
  conda-forge  conda install openmpi openblas 'hdf5=*=mpi_openmpi*' nettle yaml jansson gsl \\
                 meson ninja pkg-config c-compiler
and run this again."
    exit 2
}

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    check_tools
    exit 0
fi

installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null |
    sed -n 's/ installed$//p' || true)
missing=()
for name in "${packages[@]}"; do
    grep -qxF -- "$name" <<<"$installed" || missing+=("$name")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

apt=(apt-get install --yes --no-install-recommends)
if [ "$(id -u)" -eq 0 ]; then
    as_root=(env)
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n env)
else
    say "These packages are missing, and only root can install them:"
    fail 2 "  ${apt[*]} ${missing[*]}"
fi
# What fails half-way could leave the system's own records of packages in pieces.
need_files 1048576 "these packages are to be installed: ${missing[*]}"
say "Missing packages: ${missing[*]}"
as_root+=(DEBIAN_FRONTEND=noninteractive)
quiet=(-q -o DPkg::Lock::Timeout=300)
# Lists that cannot be renewed may still do.
run_quietly "Renewing apt's lists" "${as_root[@]}" apt-get "${quiet[@]}" update || true
run_quietly "Installing them" "${as_root[@]}" "${apt[@]}" "${quiet[@]}" "${missing[@]}" ||
    fail 2 "The packages could not be installed: ${apt[*]} ${missing[*]}"
