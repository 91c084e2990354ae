// SPDX-License-Identifier: MIT
/**
 * A disk that fails, stops or is watched: stands between the program and the system's calls.
 *
 * Linking disk_faults.c replaces write, pwrite, fsync, ftruncate, posix_fallocate, rename and
 * unlink for the whole test program, HDF5 included. Each call on a file that has a name is
 * an event; events are numbered from 1 after every disk_reset.
 */
#ifndef CCMSWEEP_TESTS_DISK_FAULTS_H
#define CCMSWEEP_TESTS_DISK_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum disk_call { DISK_WRITE, DISK_SYNC, DISK_RESIZE, DISK_RENAME, DISK_UNLINK };

struct disk_event {
    enum disk_call call;
    off_t offset;         /* of a pwrite */
    size_t size;          /* of a write */
    unsigned char *bytes; /* of a write */
};

struct disk {
    int events;    /* so far */
    int kill_at;   /* SIGKILL to this process at that event, a write being done by half; 0: never */
    int stop_at;   /* SIGTERM to this process at that event; 0: never */
    int fail_from; /* from that event on writes, resizes and syncs fail; 0: never */
    int error;     /* errno of those */
    bool watch;    /* keep what happens in `log` */
    size_t logged;
    struct disk_event log[4096];
};

extern struct disk disk;

/* Forget everything; a quiet disk that works. */
void disk_reset(void);

#endif
