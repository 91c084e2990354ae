// SPDX-License-Identifier: MIT
/* Loaded before the program (LD_PRELOAD): makes its n-th call of a kind fail, once or from then on,
 * as a disk, a network file system or a full machine would. The environment says what:
 *
 *   CCMSWEEP_FAIL=KIND:N[+]:ERRNO  the N-th call of that kind (+: and all later ones) fails with
 *                                  this number; N = 0: none does, they are counted
 *   CCMSWEEP_FAIL_RANK=R           in the process of this rank of MPI (default 0)
 *   CCMSWEEP_FAIL_UNDER=FOLDER     only calls on files in this folder count (default: all). malloc
 *                                  counts where the program itself calls it: what MPI and HDF5 do
 *                                  without memory is theirs
 *   CCMSWEEP_FAIL_NOTE=FILE        one line is appended for each kind that was counted, as
 *                                  `KIND COUNT`, when the process ends, and one as it fails
 *
 *   CCMSWEEP_FAIL_PROGRAM=NAME     only processes whose program begins so (default: ccmsweep) */

/* Both names of a call are defined below, so neither may be turned into the other. */
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum kind {
    OPEN,
    READ,
    PREAD,
    WRITE,
    PWRITE,
    FSYNC,
    RENAME,
    FTRUNCATE,
    FALLOCATE,
    STAT,
    ACCESS,
    READLINK,
    LOCK,
    MKDIR,
    UNLINK,
    MALLOC,
    KINDS
};

static const char *const names[KINDS] = {
    "open",      "read", "pread",  "write",    "pwrite", "fsync", "rename", "ftruncate",
    "fallocate", "stat", "access", "readlink", "lock",   "mkdir", "unlink", "malloc"};

static struct {
    bool active, onwards;
    enum kind kind;
    long nth;
    int error;
    const char *under, *note;
    uintptr_t begin, end; /* of the program's own code */
    long counts[KINDS];
} plan;

/* glibc's own, which nothing stands before. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static int find_program(struct dl_phdr_info *object, size_t size, void *none)
{
    (void)size;
    (void)none;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *const part = &object->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0)
            continue;
        plan.begin = object->dlpi_addr + part->p_vaddr;
        plan.end = plan.begin + part->p_memsz;
    }
    return 1; /* the program comes first */
}

static int rank_of_process(void)
{
    const char *rank = getenv("OMPI_COMM_WORLD_RANK");
    if (rank == NULL)
        rank = getenv("PMIX_RANK");
    return rank != NULL ? (int)strtol(rank, NULL, 10) : 0;
}

__attribute__((constructor)) static void read_plan(void)
{
    const char *const text = getenv("CCMSWEEP_FAIL"), *const rank = getenv("CCMSWEEP_FAIL_RANK");
    const char *program = getenv("CCMSWEEP_FAIL_PROGRAM");
    program = program != NULL ? program : "ccmsweep";
    char kind[32] = "", onwards = '\0';
    if (text == NULL || strncmp(program_invocation_short_name, program, strlen(program)) != 0 ||
        rank_of_process() != (rank != NULL ? (int)strtol(rank, NULL, 10) : 0))
        return;
    if (sscanf(text, "%31[a-z]:%ld:%d", kind, &plan.nth, &plan.error) != 3 &&
        sscanf(text, "%31[a-z]:%ld%c:%d", kind, &plan.nth, &onwards, &plan.error) != 4)
        abort();
    while (plan.kind < KINDS && strcmp(kind, names[plan.kind]) != 0)
        plan.kind++;
    if (plan.kind == KINDS)
        abort();
    plan.onwards = onwards == '+';
    plan.under = getenv("CCMSWEEP_FAIL_UNDER");
    plan.note = getenv("CCMSWEEP_FAIL_NOTE");
    dl_iterate_phdr(find_program, NULL);
    plan.active = true;
}

static void append_note(const char *line)
{
    if (plan.note == NULL)
        return;
    const int fd = (int)syscall(SYS_openat, AT_FDCWD, plan.note,
                                O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || syscall(SYS_write, fd, line, strlen(line)) < 0)
        abort();
    syscall(SYS_close, fd);
}

__attribute__((destructor)) static void note_counts(void)
{
    for (int kind = 0; plan.active && kind < KINDS; kind++) {
        char line[64];
        snprintf(line, sizeof line, "%s %ld\n", names[kind], plan.counts[kind]);
        append_note(line);
    }
}

/* Counts a call; true and errno when it is to fail. */
static bool fails(enum kind kind, const char *what)
{
    const long count = __atomic_add_fetch(&plan.counts[kind], 1, __ATOMIC_RELAXED);
    if (kind != plan.kind || plan.nth == 0 || (plan.onwards ? count < plan.nth : count != plan.nth))
        return false;
    char line[4200];
    snprintf(line, sizeof line, "failed %s no. %ld: %s\n", names[kind], count, what);
    append_note(line);
    errno = plan.error;
    return true;
}

static bool is_under(const char *path)
{
    const size_t length = plan.under != NULL ? strlen(plan.under) : 0;
    return plan.under == NULL || (strncmp(path, plan.under, length) == 0 &&
                                  (path[length] == '/' || path[length] == '\0'));
}

static bool fails_on_path(enum kind kind, int folder, const char *path)
{
    char whole[8192] = "";
    if (!plan.active)
        return false;
    if (path[0] != '/') {
        char link[64];
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        const ssize_t length =
            syscall(SYS_readlinkat, AT_FDCWD, folder == AT_FDCWD ? "/proc/self/cwd" : link, whole,
                    sizeof whole / 2);
        if (length > 0)
            snprintf(whole + length, sizeof whole / 2, "/%s", path);
    } else {
        snprintf(whole, sizeof whole, "%s", path);
    }
    return is_under(whole) && fails(kind, whole);
}

static bool fails_on_file(enum kind kind, int fd)
{
    char link[64], path[4096] = "";
    if (!plan.active)
        return false;
    const int error = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
    path[length > 0 ? length : 0] = '\0';
    errno = error;
    return is_under(path) && fails(kind, path);
}

static bool fails_on_memory(const void *caller)
{
    const uintptr_t at = (uintptr_t)caller;
    return plan.active && at >= plan.begin && at < plan.end && fails(MALLOC, "");
}

int openat(int folder, const char *path, int flags, ...)
{
    unsigned mode = 0;
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, unsigned);
        va_end(args);
    }
    if (fails_on_path(OPEN, folder, path))
        return -1;
    return (int)syscall(SYS_openat, folder, path, flags, mode);
}

int openat64(int folder, const char *path, int flags, ...) __attribute__((alias("openat")));

int open(const char *path, int flags, ...)
{
    unsigned mode = 0;
    if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
        va_list args;
        va_start(args, flags);
        mode = va_arg(args, unsigned);
        va_end(args);
    }
    return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) __attribute__((alias("open")));

/* What fortified callers use where no file is made. */
int __open_2(const char *path, int flags);
int __open_2(const char *path, int flags)
{
    return openat(AT_FDCWD, path, flags, 0);
}

int __open64_2(const char *path, int flags) __attribute__((alias("__open_2")));

FILE *fopen(const char *path, const char *mode)
{
    const int access = strchr(mode, '+') != NULL ? O_RDWR : mode[0] == 'r' ? O_RDONLY : O_WRONLY;
    const int extra = mode[0] == 'w' ? O_CREAT | O_TRUNC : mode[0] == 'a' ? O_CREAT | O_APPEND : 0;
    const int closing = strchr(mode, 'e') != NULL ? O_CLOEXEC : 0;
    const int fd = openat(AT_FDCWD, path, access | extra | closing, 0666);
    return fd < 0 ? NULL : fdopen(fd, mode);
}

FILE *fopen64(const char *path, const char *mode) __attribute__((alias("fopen")));

ssize_t read(int fd, void *bytes, size_t size)
{
    return fails_on_file(READ, fd) ? -1 : syscall(SYS_read, fd, bytes, size);
}

ssize_t pread(int fd, void *bytes, size_t size, off_t offset)
{
    return fails_on_file(PREAD, fd) ? -1 : syscall(SYS_pread64, fd, bytes, size, offset);
}

ssize_t pread64(int fd, void *bytes, size_t size, off64_t offset) __attribute__((alias("pread")));

ssize_t write(int fd, const void *bytes, size_t size)
{
    return fails_on_file(WRITE, fd) ? -1 : syscall(SYS_write, fd, bytes, size);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    return fails_on_file(PWRITE, fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, size, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off64_t offset)
    __attribute__((alias("pwrite")));

int fsync(int fd)
{
    return fails_on_file(FSYNC, fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return fails_on_file(FSYNC, fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to)
{
    if (fails_on_path(RENAME, AT_FDCWD, to))
        return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat2(int from_folder, const char *from, int to_folder, const char *to, unsigned flags)
{
    if (fails_on_path(RENAME, to_folder, to))
        return -1;
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, flags);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    return renameat2(from_folder, from, to_folder, to, 0);
}

int ftruncate(int fd, off_t size)
{
    return fails_on_file(FTRUNCATE, fd) ? -1 : (int)syscall(SYS_ftruncate, fd, size);
}

int ftruncate64(int fd, off64_t size) __attribute__((alias("ftruncate")));

int fallocate(int fd, int mode, off_t offset, off_t size)
{
    return fails_on_file(FALLOCATE, fd) ? -1 : (int)syscall(SYS_fallocate, fd, mode, offset, size);
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size) __attribute__((alias("fallocate")));

int posix_fallocate(int fd, off_t offset, off_t size)
{
    if (fails_on_file(FALLOCATE, fd))
        return plan.error;
    return syscall(SYS_fallocate, fd, 0, offset, size) == 0 ? 0 : errno;
}

int posix_fallocate64(int fd, off64_t offset, off64_t size)
    __attribute__((alias("posix_fallocate")));

static int stat_at(int folder, const char *path, void *about, int flags)
{
    const bool of_file = path[0] == '\0' && (flags & AT_EMPTY_PATH) != 0;
    if (of_file ? fails_on_file(STAT, folder) : fails_on_path(STAT, folder, path))
        return -1;
    return (int)syscall(SYS_newfstatat, folder, path, about, flags);
}

int stat(const char *path, struct stat *about)
{
    return stat_at(AT_FDCWD, path, about, 0);
}

int stat64(const char *path, struct stat64 *about)
{
    return stat_at(AT_FDCWD, path, about, 0);
}

int lstat(const char *path, struct stat *about)
{
    return stat_at(AT_FDCWD, path, about, AT_SYMLINK_NOFOLLOW);
}

int lstat64(const char *path, struct stat64 *about)
{
    return stat_at(AT_FDCWD, path, about, AT_SYMLINK_NOFOLLOW);
}

int fstat(int fd, struct stat *about)
{
    return stat_at(fd, "", about, AT_EMPTY_PATH);
}

int fstat64(int fd, struct stat64 *about)
{
    return stat_at(fd, "", about, AT_EMPTY_PATH);
}

int fstatat(int folder, const char *path, struct stat *about, int flags)
{
    return stat_at(folder, path, about, flags);
}

int fstatat64(int folder, const char *path, struct stat64 *about, int flags)
{
    return stat_at(folder, path, about, flags);
}

int faccessat(int folder, const char *path, int mode, int flags)
{
    if (fails_on_path(ACCESS, folder, path))
        return -1;
    /* Where the kernel has no flags: who runs this is who it runs as. */
    const int answer = (int)syscall(SYS_faccessat2, folder, path, mode, flags);
    return answer == 0 || errno != ENOSYS ? answer
                                          : (int)syscall(SYS_faccessat, folder, path, mode);
}

int access(const char *path, int mode)
{
    return faccessat(AT_FDCWD, path, mode, 0);
}

ssize_t readlink(const char *path, char *target, size_t size)
{
    if (fails_on_path(READLINK, AT_FDCWD, path))
        return -1;
    return syscall(SYS_readlinkat, AT_FDCWD, path, target, size);
}

static bool is_lock(int command)
{
    return command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK ||
           command == F_SETLK || command == F_SETLKW || command == F_GETLK;
}

int fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *const argument = va_arg(args, void *);
    va_end(args);
    if (is_lock(command) && fails_on_file(LOCK, fd))
        return -1;
    return (int)syscall(SYS_fcntl, fd, command, argument);
}

int fcntl64(int fd, int command, ...) __attribute__((alias("fcntl")));

int flock(int fd, int operation)
{
    return fails_on_file(LOCK, fd) ? -1 : (int)syscall(SYS_flock, fd, operation);
}

int mkdir(const char *path, mode_t mode)
{
    return fails_on_path(MKDIR, AT_FDCWD, path) ? -1
                                                : (int)syscall(SYS_mkdirat, AT_FDCWD, path, mode);
}

int unlink(const char *path)
{
    return fails_on_path(UNLINK, AT_FDCWD, path) ? -1
                                                 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char *path, int flags)
{
    return fails_on_path(UNLINK, folder, path) ? -1
                                               : (int)syscall(SYS_unlinkat, folder, path, flags);
}

void *malloc(size_t size)
{
    return fails_on_memory(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return fails_on_memory(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
    return fails_on_memory(__builtin_return_address(0)) ? NULL : __libc_realloc(block, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return fails_on_memory(__builtin_return_address(0)) ? NULL : __libc_memalign(alignment, size);
}

char *strdup(const char *text)
{
    const size_t size = strlen(text) + 1;
    char *const copy = fails_on_memory(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
    return copy != NULL ? memcpy(copy, text, size) : NULL;
}
