/* A disk that fails on command, for LD_PRELOAD: every call by which a process changes what
 * lies under one directory is counted, and at the n-th one the process is killed, or the
 * call fails. Writes through mmap are not seen; SQLite makes them to its -shm file alone,
 * which does not outlive the processes that have it open.
 *
 * A power cut is imitated too: what was written and not flushed is put back as it was
 * (contents until fsync of the file, names until fsync of the folder), then the process is
 * killed. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

/* Kinds of calls, to be added up: what is counted. */
enum { DATA = 1, ROOM = 2, SYNC = 4, REMOVE = 8 };

/* What happens at the n-th counted call. */
enum {
    COUNT,     /* nothing */
    KILL,      /* SIGKILL before the call */
    TORN,      /* half of a write, or the whole of another call, then SIGKILL */
    POWER,     /* what was not flushed is lost, then SIGKILL before the call */
    FAIL,      /* this call and all later ones fail */
    SHORT,     /* half of a write is reported as written, all later calls fail */
    FAIL_ONCE, /* this call fails */
    FAIL_KILL, /* this call fails, and before the seed-th one after it comes SIGKILL */
};

static struct {
    char directory[PATH_MAX], graveyard[PATH_MAX];
    size_t length;
    int action, kinds, error, log;
    long at, counted;
    unsigned seed;
} armed;
static volatile int is_armed;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

#define NEXT(name) \
    static __typeof__(&name) next; \
    if (!next) next = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* What a power cut takes back, newest first. */

struct undo {
    struct undo *older;
    enum { CONTENT, CREATED, UNLINKED, MADE } kind;
    dev_t device;        /* of the file; of the folder where a name is taken back */
    ino_t inode;
    int fd;              /* of CONTENT: a handle of our own, never closed (closing drops locks) */
    off_t offset, size;  /* of CONTENT: where, and the length of the file before */
    size_t length;
    char *bytes;
    char path[PATH_MAX]; /* of names; bytes is the hard link in the graveyard of UNLINKED */
    int with_newer;      /* taken back where the next newer one is: parts of one rename */
};
static struct undo *undos;
static long graves;

static int own_handle(int fd, const struct stat *status) {
    for (struct undo *u = undos; u; u = u->older)
        if (u->kind == CONTENT && u->device == status->st_dev && u->inode == status->st_ino)
            return u->fd;
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    NEXT(open);
    return next(name, O_RDWR | O_CLOEXEC);
}

static void remember_content(int fd, const char *path, off_t offset, size_t length) {
    size_t end = strlen(path);
    struct stat status;
    if (armed.action != POWER || (end > 4 && !strcmp(path + end - 4, "-shm"))) return;
    if (fstat(fd, &status) || !S_ISREG(status.st_mode)) return;
    struct undo *u = calloc(1, sizeof *u);
    pthread_mutex_lock(&lock);
    u->kind = CONTENT;
    u->device = status.st_dev, u->inode = status.st_ino;
    u->fd = own_handle(fd, &status);
    u->offset = offset, u->size = status.st_size;
    if (offset < status.st_size) {
        u->length = length;
        if (length > (size_t)(status.st_size - offset)) u->length = status.st_size - offset;
        u->bytes = malloc(u->length);
        if (pread(u->fd, u->bytes, u->length, offset) != (ssize_t)u->length) abort();
    }
    u->older = undos, undos = u;
    pthread_mutex_unlock(&lock);
}

static void remember_name(int kind, const char *path, int with_newer) {
    struct stat folder;
    if (armed.action != POWER) return;
    struct undo *u = calloc(1, sizeof *u);
    snprintf(u->path, sizeof u->path, "%s", path);
    char *slash = strrchr(u->path, '/');
    *slash = 0;
    stat(u->path, &folder);
    *slash = '/';
    u->kind = kind, u->device = folder.st_dev, u->inode = folder.st_ino;
    u->with_newer = with_newer;
    pthread_mutex_lock(&lock);
    if (kind == UNLINKED) {
        if (asprintf(&u->bytes, "%s/%ld", armed.graveyard, graves++) < 0) abort();
        NEXT(linkat);
        if (next(AT_FDCWD, path, AT_FDCWD, u->bytes, 0)) u->kind = MADE, *u->path = 0;
    }
    u->older = undos, undos = u;
    pthread_mutex_unlock(&lock);
}

static void forget_flushed(int fd) {
    struct stat status;
    if (armed.action != POWER || fstat(fd, &status)) return;
    pthread_mutex_lock(&lock);
    for (struct undo **at = &undos; *at;) {
        struct undo *u = *at;
        if (u->device == status.st_dev && u->inode == status.st_ino) *at = u->older;
        else at = &u->older;
    }
    pthread_mutex_unlock(&lock);
}

static long count_of(const struct undo *first) {
    long count = 0;
    for (const struct undo *u = first; u; u = u->older)
        count += u->device == first->device && u->inode == first->inode;
    return count;
}

/* Of each file and folder the writes and names since its last flush; a random first part of
 * them had reached the disk where a seed is given, else none. */
static long kept_of(const struct undo *first) {
    if (!armed.seed) return 0;
    return rand_r(&armed.seed) % (count_of(first) + 1);
}

static void lose_unflushed(void) {
    NEXT(pwrite);
    while (undos) {
        dev_t device = undos->device;
        ino_t inode = undos->inode;
        long kept = kept_of(undos), left = count_of(undos);
        int undone = 0;
        for (struct undo **at = &undos; *at;) {
            struct undo *u = *at;
            if (u->device != device || u->inode != inode) {
                at = &u->older;
                continue;
            }
            *at = u->older;
            undone = left-- > kept || (undone && u->with_newer);
            if (!undone) continue;
            if (u->kind == CONTENT) {
                if (u->length) next(u->fd, u->bytes, u->length, u->offset);
                if (ftruncate(u->fd, u->size)) abort();
            } else if (u->kind == CREATED) {
                unlink(u->path);
            } else if (u->kind == UNLINKED) {
                /* What was in a folder that is gone for good does not come back. */
                if (link(u->bytes, u->path) && errno != ENOENT) abort();
            } else if (*u->path) {
                rmdir(u->path);
            }
        }
    }
}

/* Which calls count */

static int is_under(const char *path) {
    return !strncmp(path, armed.directory, armed.length) &&
           (path[armed.length] == '/' || path[armed.length] == 0);
}

static int of_fd(int fd, char *path) {
    if (!is_armed) return 0;
    int before = errno;
    char name[64];
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(name, path, PATH_MAX - 1);
    errno = before;
    path[length < 0 ? 0 : length] = 0;
    return length > 0 && is_under(path);
}

static int of_path(int folder, const char *given, char *path) {
    if (!is_armed) return 0;
    int before = errno;
    char base[PATH_MAX] = "", name[64];
    if (*given != '/') {
        snprintf(name, sizeof name, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(folder == AT_FDCWD ? "/proc/self/cwd" : name, base, PATH_MAX - 2);
        base[length < 0 ? 0 : length] = 0;
        strcat(base, "/");
    }
    errno = before;
    return snprintf(path, PATH_MAX, "%s%s", base, given) < PATH_MAX && is_under(path);
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

enum verdict { PASS, HALF, HALF_AND_DIE, REFUSE };

static enum verdict counted(const char *call, int kind, const char *path) {
    if (!(armed.kinds & kind)) return PASS;
    pthread_mutex_lock(&lock);
    long number = ++armed.counted;
    if (armed.log >= 0) dprintf(armed.log, "%d %s %s\n", kind, call, path + armed.length);
    enum verdict verdict = PASS;
    if (number == armed.at) switch (armed.action) {
        case KILL: die(); break;
        case POWER:
            is_armed = 0;
            lose_unflushed();
            die();
            break;
        case TORN: verdict = HALF_AND_DIE; break;
        case SHORT: verdict = HALF; break;
        case FAIL: case FAIL_ONCE: case FAIL_KILL: verdict = REFUSE; break;
    }
    if (armed.action == FAIL_KILL && number == armed.at + (long)armed.seed) die();
    if (number > armed.at && (armed.action == FAIL || armed.action == SHORT)) verdict = REFUSE;
    pthread_mutex_unlock(&lock);
    if (verdict == HALF && kind != DATA) verdict = REFUSE;
    if (verdict == REFUSE) errno = armed.error;
    return verdict;
}

/* The n-th counted call (from 1) of `kinds` on anything under directory does `action`.
 * graveyard: an empty folder on the same disk, for POWER. log: a file descriptor that gets
 * one line a call, or -1. */
void faults_arm(const char *directory, const char *graveyard, int kinds, int action, long at,
                int error, unsigned seed, int log) {
    snprintf(armed.directory, PATH_MAX, "%s", directory);
    snprintf(armed.graveyard, PATH_MAX, "%s", graveyard);
    armed.length = strlen(directory);
    armed.kinds = kinds, armed.action = action, armed.at = at, armed.error = error;
    armed.seed = seed, armed.log = log, armed.counted = 0;
    is_armed = 1;
}

/* Back to a disk that works; returns how many calls were counted. */
long faults_disarm(void) {
    is_armed = 0;
    return armed.counted;
}

/* Calls that write data. `part` is how many bytes the real call gets. */

#define WRITES(call, fd, offset, size, whole, part) \
    char path[PATH_MAX]; \
    if (!of_fd(fd, path)) return whole; \
    enum verdict verdict = counted(call, DATA, path); \
    if (verdict == REFUSE) return -1; \
    remember_content(fd, path, offset, size); \
    if (verdict == PASS) return whole; \
    if ((size) < 2 && verdict == HALF) { errno = armed.error; return -1; } \
    ssize_t written = (size) < 2 ? 0 : part; \
    if (verdict == HALF_AND_DIE) die(); \
    return written

static off_t position(int fd) {
    struct stat status;
    if (fcntl(fd, F_GETFL) & O_APPEND) return fstat(fd, &status) ? 0 : status.st_size;
    return lseek(fd, 0, SEEK_CUR);
}

static size_t sum(const struct iovec *parts, int count) {
    size_t total = 0;
    for (int i = 0; i < count; i++) total += parts[i].iov_len;
    return total;
}

ssize_t write(int fd, const void *data, size_t size) {
    NEXT(write);
    WRITES("write", fd, position(fd), size, next(fd, data, size), next(fd, data, size / 2));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset) {
    NEXT(pwrite);
    WRITES("pwrite", fd, offset, size, next(fd, data, size, offset),
           next(fd, data, size / 2, offset));
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    return pwrite(fd, data, size, offset);
}

/* Of several parts the first is written where the call is torn. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    NEXT(writev);
    WRITES("writev", fd, position(fd), sum(parts, count), next(fd, parts, count),
           next(fd, parts, 1));
}

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset) {
    NEXT(pwritev);
    WRITES("pwritev", fd, offset, sum(parts, count), next(fd, parts, count, offset),
           next(fd, parts, 1, offset));
}

ssize_t pwritev64(int fd, const struct iovec *parts, int count, off64_t offset) {
    return pwritev(fd, parts, count, offset);
}

ssize_t sendfile(int out, int in, off_t *offset, size_t size) {
    NEXT(sendfile);
    WRITES("sendfile", out, position(out), size, next(out, in, offset, size),
           next(out, in, offset, size / 2));
}

ssize_t sendfile64(int out, int in, off64_t *offset, size_t size) {
    return sendfile(out, in, offset, size);
}

ssize_t copy_file_range(int in, off64_t *from, int out, off64_t *to, size_t size, unsigned flags) {
    NEXT(copy_file_range);
    WRITES("copy_file_range", out, to ? *to : position(out), size,
           next(in, from, out, to, size, flags), next(in, from, out, to, size / 2, flags));
}

/* stdio keeps bytes back and writes them without coming by here, so it is flushed at once. */
static ssize_t fwrite_through(const void *data, size_t size, FILE *file) {
    NEXT(fwrite_unlocked);
    size_t written = next(data, 1, size, file);
    return fflush(file) ? -1 : (ssize_t)written;
}

static ssize_t fwrite_counted(const void *data, size_t size, FILE *file) {
    WRITES("fwrite", fileno(file), ftello(file), size, fwrite_through(data, size, file),
           fwrite_through(data, size / 2, file));
}

size_t fwrite(const void *data, size_t size, size_t count, FILE *file) {
    char path[PATH_MAX];
    NEXT(fwrite);
    if (!of_fd(fileno(file), path)) return next(data, size, count, file);
    ssize_t written = fwrite_counted(data, size * count, file);
    return written < 0 || !size ? 0 : written / size;
}

/* Calls that need room or change names: before(...) is what a power cut has to know. */

#define CHANGES(call, kind, is_ours, whole, before) \
    char path[PATH_MAX]; \
    if (!(is_ours)) return whole; \
    enum verdict verdict = counted(call, kind, path); \
    if (verdict == REFUSE) return -1; \
    before; \
    int result = whole; \
    if (verdict == HALF_AND_DIE) die(); \
    return result

int ftruncate(int fd, off_t size) {
    NEXT(ftruncate);
    CHANGES("ftruncate", ROOM, of_fd(fd, path), next(fd, size),
            remember_content(fd, path, size, SSIZE_MAX));
}

int ftruncate64(int fd, off64_t size) { return ftruncate(fd, size); }

int posix_fallocate(int fd, off_t offset, off_t size) {
    NEXT(posix_fallocate);
    char path[PATH_MAX];
    if (!of_fd(fd, path)) return next(fd, offset, size);
    enum verdict verdict = counted("posix_fallocate", ROOM, path);
    if (verdict == REFUSE) return armed.error;
    remember_content(fd, path, offset, 0);
    int result = next(fd, offset, size);
    if (verdict == HALF_AND_DIE) die();
    return result;
}

int posix_fallocate64(int fd, off64_t offset, off64_t size) {
    return posix_fallocate(fd, offset, size);
}

int fallocate(int fd, int mode, off_t offset, off_t size) {
    NEXT(fallocate);
    CHANGES("fallocate", ROOM, of_fd(fd, path), next(fd, mode, offset, size),
            remember_content(fd, path, offset, mode ? size : 0));
}

int fallocate64(int fd, int mode, off64_t offset, off64_t size) {
    return fallocate(fd, mode, offset, size);
}

int mkdirat(int folder, const char *name, mode_t mode) {
    NEXT(mkdirat);
    if (!faccessat(folder, name, F_OK, AT_SYMLINK_NOFOLLOW)) return next(folder, name, mode);
    CHANGES("mkdir", ROOM, of_path(folder, name, path), next(folder, name, mode),
            remember_name(MADE, path, 0));
}

int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

int symlinkat(const char *target, int folder, const char *name) {
    NEXT(symlinkat);
    CHANGES("symlink", ROOM, of_path(folder, name, path), next(target, folder, name),
            remember_name(CREATED, path, 0));
}

int symlink(const char *target, const char *name) { return symlinkat(target, AT_FDCWD, name); }

int linkat(int from, const char *old, int to, const char *new, int flags) {
    NEXT(linkat);
    CHANGES("link", ROOM, of_path(to, new, path), next(from, old, to, new, flags),
            remember_name(CREATED, path, 0));
}

int link(const char *old, const char *new) { return linkat(AT_FDCWD, old, AT_FDCWD, new, 0); }

/* Undone in reverse: the new name goes, what it replaced and the old name come back. */
static void remember_rename(int from, const char *old, const char *path) {
    char source[PATH_MAX];
    of_path(from, old, source);
    remember_name(UNLINKED, source, 1);
    remember_name(UNLINKED, path, 1);
    remember_name(CREATED, path, 0);
}

int renameat(int from, const char *old, int to, const char *new) {
    NEXT(renameat);
    CHANGES("rename", ROOM, of_path(to, new, path), next(from, old, to, new),
            remember_rename(from, old, path));
}

int rename(const char *old, const char *new) { return renameat(AT_FDCWD, old, AT_FDCWD, new); }

int renameat2(int from, const char *old, int to, const char *new, unsigned flags) {
    NEXT(renameat2);
    CHANGES("rename", ROOM, of_path(to, new, path), next(from, old, to, new, flags),
            remember_rename(from, old, path));
}

int unlinkat(int folder, const char *name, int flags) {
    NEXT(unlinkat);
    CHANGES("unlink", REMOVE, of_path(folder, name, path), next(folder, name, flags),
            remember_name(UNLINKED, path, 0));
}

int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }

/* Flushes are counted and not passed on: what a killed process wrote stays in the kernel
 * without them, POWER keeps its own books of them, and they would take most of the time. */

static int flushed(const char *call, int fd) {
    CHANGES(call, SYNC, of_fd(fd, path), 0, forget_flushed(fd));
}

int fsync(int fd) { return flushed("fsync", fd); }
int fdatasync(int fd) { return flushed("fdatasync", fd); }

/* Opening counts where it makes a file or empties one. */

static int opened(int folder, const char *name, int flags, mode_t mode) {
    NEXT(openat);
    char path[PATH_MAX];
    struct stat status;
    int before = errno;
    if (!(flags & (O_CREAT | O_TRUNC)) || (flags & O_TMPFILE) == O_TMPFILE ||
        !of_path(folder, name, path))
        return next(folder, name, flags, mode);
    int exists = !lstat(path, &status);
    errno = before;
    int kind = exists ? (flags & O_TRUNC && status.st_size ? REMOVE : 0)
                      : (flags & O_CREAT ? ROOM : 0);
    if (!kind) return next(folder, name, flags, mode);
    enum verdict verdict = counted(exists ? "truncating open" : "creating open", kind, path);
    if (verdict == REFUSE) return -1;
    if (exists && armed.action == POWER) {
        int fd = next(folder, name, O_RDWR | O_CLOEXEC);
        if (fd >= 0) remember_content(fd, path, 0, SSIZE_MAX);
    }
    int fd = next(folder, name, flags, mode);
    if (!exists && fd >= 0) remember_name(CREATED, path, 0);
    if (verdict == HALF_AND_DIE) die();
    return fd;
}

static mode_t mode_of(int flags, va_list rest) {
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
}

#define OPENS(flags, folder, name) \
    va_list rest; \
    va_start(rest, flags); \
    mode_t mode = mode_of(flags, rest); \
    va_end(rest); \
    return opened(folder, name, flags, mode)

int openat(int folder, const char *name, int flags, ...) { OPENS(flags, folder, name); }
int openat64(int folder, const char *name, int flags, ...) { OPENS(flags, folder, name); }
int open(const char *name, int flags, ...) { OPENS(flags, AT_FDCWD, name); }
int open64(const char *name, int flags, ...) { OPENS(flags, AT_FDCWD, name); }

int creat(const char *name, mode_t mode) {
    return opened(AT_FDCWD, name, O_CREAT | O_WRONLY | O_TRUNC, mode);
}

/* What stdio would write is counted in fwrite; what it would make or empty, here. */
FILE *fopen64(const char *name, const char *how) {
    NEXT(fopen64);
    char path[PATH_MAX];
    if (*how != 'r' && of_path(AT_FDCWD, name, path)) {
        int flags = O_CREAT | O_WRONLY | (*how == 'w' ? O_TRUNC : 0);
        int fd = opened(AT_FDCWD, name, flags, 0666);
        if (fd < 0) return NULL;
        NEXT(close);
        next(fd);
    }
    return next(name, how);
}

FILE *fopen(const char *name, const char *how) { return fopen64(name, how); }
