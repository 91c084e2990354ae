# shellcheck shell=bash
# shellcheck disable=SC2034 # what is set here is used by the scripts that source this
# SPDX-License-Identifier: MIT
# What differs from cluster to cluster: the one file to edit. jobs/submit.sh and jobs/status.sh read
# it on the login node, jobs/sweep.sbatch on the first node of each job.

# 1. Compiler, Open MPI, OpenBLAS, HDF5, Meson: the same for building and running. One of
#
#   module purge && module load gcc/12 openmpi/4.1 openblas hdf5/1.12-mpi meson ninja
#
#   . /opt/spack/share/spack/setup-env.sh
#   spack load openmpi openblas hdf5+mpi+hl nettle libyaml jansson gsl meson ninja
#
#   . "$HOME/miniforge3/bin/activate" ccmsweep

# 2. Options of sbatch for every job; those on the command line of jobs/submit.sh win:
#
#   site_options=(--account=phy123 --partition=standard --mail-type=END,FAIL)
#   site_options=(--partition=preempt --qos=spare --mem-per-cpu=500M)
site_options=()

# 3. How ranks are started: srun, or mpirun where SLURM was built without PMIx (srun --mpi=list).
: "${LAUNCHER:=srun}"
# With srun, the name of PMIx there: pmix, pmix_v3, pmix_v4, …
: "${PMIX:=pmix}"

# 4. CHAIN=1 where "scontrol requeue" is forbidden: a job that must go on then submits its successor.
: "${CHAIN:=0}"

# 5. Parallel files. On NFS take ROMIO, whose NFS driver locks what it writes; Open MPI's own code,
# the default, does not. The name is in "ompi_info | grep 'MCA io'".
#
#   export OMPI_MCA_io=romio321
