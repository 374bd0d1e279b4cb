/* Records what a process writes below one directory: LD_PRELOAD it, then call recorder_start() and
 * recorder_stop(). One line of text per call, and the bytes of a write after it; see recorder.py. What the
 * kernel is asked to do is done first, and recorded only when it was done. For processes with one thread. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static int book = -1;
static char root[4096];
static size_t root_length;

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

int recorder_start(const char *path, const char *below) {
    if (strlen(below) >= sizeof root) return -1;
    strcpy(root, below);
    root_length = strlen(root);
    book = REAL(open)(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    return book < 0 ? -1 : 0;
}

void recorder_stop(void) {
    if (book >= 0) REAL(close)(book);
    book = -1;
}

static int mine(const char *path) {
    return book >= 0 && path && strncmp(path, root, root_length) == 0 &&
           (path[root_length] == '/' || path[root_length] == 0);
}

static void put(const void *data, size_t length) {
    const char *left = data;
    while (length > 0) {
        ssize_t done = REAL(write)(book, left, length);
        if (done < 0) abort(); /* a record with a hole proves nothing */
        left += done;
        length -= (size_t)done;
    }
}

static void say(const char *format, ...) {
    char line[2 * 4096 + 128];
    va_list given;
    va_start(given, format);
    int length = vsnprintf(line, sizeof line, format, given);
    va_end(given);
    if (length < 0 || (size_t)length >= sizeof line) abort();
    put(line, (size_t)length);
}

/* The path of an open file of ours, with its inode; 0: it is not one of ours. */
static int ours(int fd, char *path, size_t size, ino_t *inode) {
    if (book < 0 || fd < 0 || fd == book) return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, size - 1);
    if (length < 0) return 0;
    path[length] = 0;
    if (!mine(path)) return 0;
    struct stat found;
    if (fstat(fd, &found) != 0) return 0;
    *inode = found.st_ino;
    return 1;
}

static void wrote(int fd, const void *data, ssize_t length, off_t at) {
    char path[4096];
    ino_t inode;
    int kept = errno;
    if (length > 0 && ours(fd, path, sizeof path, &inode)) {
        say("write %lu %lld %zd\n", (unsigned long)inode, (long long)at, length);
        put(data, (size_t)length);
    }
    errno = kept;
}

static void opened(int fd, const char *path, int flags, int was_there) {
    char real[4096];
    ino_t inode;
    int kept = errno;
    if (fd >= 0 && ours(fd, real, sizeof real, &inode)) {
        if ((flags & O_CREAT) && !was_there) say("create %lu %s\n", (unsigned long)inode, path);
        else if ((flags & O_TRUNC) && (flags & O_ACCMODE) != O_RDONLY)
            say("truncate %lu 0\n", (unsigned long)inode);
    }
    errno = kept;
}

static int open_it(const char *name, const char *path, int flags, mode_t mode) {
    int was_there = mine(path) && (flags & O_CREAT) ? access(path, F_OK) == 0 : 1;
    int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
    int fd = real(path, flags, mode);
    if (mine(path)) opened(fd, path, flags, was_there);
    return fd;
}

#define MODE_OF(flags)                                   \
    mode_t mode = 0;                                     \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {             \
        va_list given;                                   \
        va_start(given, flags);                          \
        mode = (mode_t)va_arg(given, int);               \
        va_end(given);                                   \
    }

int open(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_it("open", path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_it("open64", path, flags, mode);
}

static int open_at(const char *name, int at, const char *path, int flags, mode_t mode) {
    int was_there = mine(path) && (flags & O_CREAT) ? access(path, F_OK) == 0 : 1;
    int (*real)(int, const char *, int, ...) = (int (*)(int, const char *, int, ...))dlsym(RTLD_NEXT, name);
    int fd = real(at, path, flags, mode);
    if (mine(path)) opened(fd, path, flags, was_there);
    return fd;
}

int openat(int at, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_at("openat", at, path, flags, mode);
}

int openat64(int at, const char *path, int flags, ...) {
    MODE_OF(flags)
    return open_at("openat64", at, path, flags, mode);
}

ssize_t write(int fd, const void *data, size_t length) {
    ssize_t done = REAL(write)(fd, data, length);
    if (book >= 0 && done > 0) wrote(fd, data, done, lseek(fd, 0, SEEK_CUR) - done);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t at) {
    ssize_t done = REAL(pwrite)(fd, data, length, at);
    wrote(fd, data, done, at);
    return done;
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) {
    ssize_t done = REAL(pwrite64)(fd, data, length, at);
    wrote(fd, data, done, (off_t)at);
    return done;
}

static void cut(int fd, long long size) {
    char path[4096];
    ino_t inode;
    if (ours(fd, path, sizeof path, &inode)) say("truncate %lu %lld\n", (unsigned long)inode, size);
}

int ftruncate(int fd, off_t size) {
    int done = REAL(ftruncate)(fd, size);
    if (done == 0) cut(fd, (long long)size);
    return done;
}

int ftruncate64(int fd, off64_t size) {
    int done = REAL(ftruncate64)(fd, size);
    if (done == 0) cut(fd, (long long)size);
    return done;
}

static void synced(int fd) {
    char path[4096];
    ino_t inode;
    struct stat found;
    if (!ours(fd, path, sizeof path, &inode) || fstat(fd, &found) != 0) return;
    if (S_ISDIR(found.st_mode)) say("syncdir %s\n", path);
    else say("sync %lu\n", (unsigned long)inode);
}

int fsync(int fd) {
    int done = REAL(fsync)(fd);
    if (done == 0) synced(fd);
    return done;
}

int fdatasync(int fd) {
    int done = REAL(fdatasync)(fd);
    if (done == 0) synced(fd);
    return done;
}

int rename(const char *from, const char *to) {
    int done = REAL(rename)(from, to);
    if (done == 0 && (mine(from) || mine(to))) say("rename %s\t%s\n", from, to);
    return done;
}

int link(const char *from, const char *to) {
    int done = REAL(link)(from, to);
    struct stat found;
    if (done == 0 && mine(to) && stat(to, &found) == 0) say("link %lu %s\n", (unsigned long)found.st_ino, to);
    return done;
}

int unlink(const char *path) {
    int done = REAL(unlink)(path);
    if (done == 0 && mine(path)) say("unlink %s\n", path);
    return done;
}

int mkdir(const char *path, mode_t mode) {
    int done = REAL(mkdir)(path, mode);
    if (done == 0 && mine(path)) say("mkdir %s\n", path);
    return done;
}
