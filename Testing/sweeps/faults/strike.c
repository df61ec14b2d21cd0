/* Strikes a process at the n-th of its writes below one folder: loaded before the C library, so that
 * SQLite's, the image writer's and PyTorch's writes count as well as Python's. For tests alone.
 *
 * A write is whatever changes the disk: write, create, truncate, synchronise, rename, remove, mkdir.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { COUNT, KILL, FULL, FAIL, CLOCK, VANISH };

static char root[PATH_MAX], moving[PATH_MAX], away[PATH_MAX];
static size_t root_length;
static long count, at, until;
static int kind, armed, gone, failing;
static long offset; /* seconds added to the clock */

/* Watch `folder`; from write `first` to before write `last` do `what`. VANISH renames `from` to `to`;
 * with `fail`, files that are open fail then, too, as on a network drive. */
void strike_arm(const char *folder, int what, long first, long last, const char *from, const char *to,
                int fail)
{
    failing = fail;
    strncpy(root, folder, PATH_MAX - 1);
    strncpy(moving, from, PATH_MAX - 1);
    strncpy(away, to, PATH_MAX - 1);
    root_length = strlen(root);
    count = offset = gone = 0;
    kind = what;
    at = first;
    until = last;
    armed = 1;
}

long strike_count(void) { return count; }

static int below(const char *path)
{
    return path && !strncmp(path, root, root_length);
}

static int fd_below(int fd)
{
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return below(path);
}

static void come_back(void)
{
    if (gone)
        syscall(SYS_renameat2, AT_FDCWD, away, AT_FDCWD, moving, 0);
    gone = 0;
}

void strike_end(void)
{
    come_back();
    armed = 0;
}

/* Count a write; return the error that it shall fail with, or 0. `half` is set if it shall be cut.
 * On a full disk what `takes` no room succeeds. A folder that only moved away gives no error here. */
static int hit(int *half, int takes)
{
    long number = __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST);
    *half = 0;
    if (number < at || kind == COUNT)
        return 0;
    if (kind == KILL) {
        *half = at % 2;
        if (!*half)
            syscall(SYS_kill, getpid(), SIGKILL);
        return 0;
    }
    if (kind == CLOCK) {
        offset = -365L * 86400;
        return 0;
    }
    if (kind == VANISH && number == at)
        gone = !syscall(SYS_renameat2, AT_FDCWD, moving, AT_FDCWD, away, 0);
    if (number >= until) {
        come_back();
        return 0;
    }
    if (kind == FULL && takes && number == at)
        *half = 1;
    else if (kind == FULL && takes)
        return ENOSPC;
    return kind == FAIL || (kind == VANISH && gone && failing) ? EIO : 0;
}

static void after(int half)
{
    if (half && kind == KILL)
        syscall(SYS_kill, getpid(), SIGKILL);
}

#define REAL(name) \
    static __typeof__(&name) real; \
    if (!real) \
        real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);

#define STRIKE(condition, takes) \
    int half = 0; \
    if (armed && (condition)) { \
        int error = hit(&half, takes); \
        if (error) { \
            errno = error; \
            return -1; \
        } \
    }

#define SIZED(result, name, parameters, length, arguments) \
    result name parameters \
    { \
        REAL(name) \
        STRIKE(fd_below(fd), 1) \
        if (half && length > 1) \
            length /= 2; \
        result done = real arguments; \
        after(half); \
        return done; \
    }

#define WHOLE(result, name, parameters, condition, takes, arguments) \
    result name parameters \
    { \
        REAL(name) \
        STRIKE(condition, takes) \
        result done = real arguments; \
        after(half); \
        return done; \
    }

SIZED(ssize_t, write, (int fd, const void *data, size_t size), size, (fd, data, size))
SIZED(ssize_t, pwrite, (int fd, const void *data, size_t size, off_t to), size, (fd, data, size, to))
SIZED(ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t to), size, (fd, data, size, to))
SIZED(ssize_t, sendfile, (int fd, int in, off_t *from, size_t size), size, (fd, in, from, size))
WHOLE(ssize_t, writev, (int fd, const struct iovec *parts, int size), fd_below(fd), 1, (fd, parts, size))
WHOLE(int, fsync, (int fd), fd_below(fd), 0, (fd))
WHOLE(int, fdatasync, (int fd), fd_below(fd), 0, (fd))
WHOLE(int, ftruncate, (int fd, off_t size), fd_below(fd), 0, (fd, size))
WHOLE(int, ftruncate64, (int fd, off64_t size), fd_below(fd), 0, (fd, size))
WHOLE(int, rename, (const char *from, const char *to), below(to), 0, (from, to))
WHOLE(int, unlink, (const char *path), below(path), 0, (path))
WHOLE(int, mkdir, (const char *path, mode_t mode), below(path), 1, (path, mode))

#define CREATES(flags) ((flags) & (O_CREAT | O_TRUNC))
#define OPEN(name) \
    int name(const char *path, int flags, ...) \
    { \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = CREATES(flags) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        REAL(name) \
        STRIKE(CREATES(flags) && below(path), 1) \
        int done = real(path, flags, mode); \
        after(half); \
        return done; \
    }
OPEN(open)
OPEN(open64)

#define FOPEN(name) \
    FILE *name(const char *path, const char *mode) \
    { \
        REAL(name) \
        int half = 0; \
        if (armed && strpbrk(mode, "wa") && below(path)) { \
            int error = hit(&half, 1); \
            if (error) { \
                errno = error; \
                return NULL; \
            } \
        } \
        FILE *done = real(path, mode); \
        after(half); \
        return done; \
    }
FOPEN(fopen)
FOPEN(fopen64)

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int done = syscall(SYS_clock_gettime, clock, now);
    if (!done && clock == CLOCK_REALTIME)
        now->tv_sec += offset;
    return done;
}

time_t time(time_t *to)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (to)
        *to = now.tv_sec;
    return now.tv_sec;
}
