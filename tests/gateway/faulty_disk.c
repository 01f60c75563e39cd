/*
 * A disk with faults, for LD_PRELOAD. The test and nginx share a page (TG_FAULTS names its file) that says what is
 * wrong at the moment; while nothing is, calls pass through. Only nginx is concerned: the manager's disk is well.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

typedef struct {
    int32_t config_lost; /* nothing of config.db can be read */
    int32_t feed_lost;   /* the same, for the thread alone that reads it all the time */
    int32_t slow_ms;     /* a look-up in config.db takes this long, from within its read view */
    int32_t slow_round;  /* raised with each new slow_ms: a thread is slow once for each */
    int32_t read_only;   /* nothing below `data` can be written */
    int32_t slowed;      /* set by us: how many were slow */
    int32_t feeds;       /* set by us: threads that are known to read the feed */
    char data[1000];
} faults_t;

/* The feed is read 40 times a second; no other thread locks a database as often in a test. */
#define FEED_LOCKS 60

static faults_t none;
static volatile faults_t *faults = &none;
static __thread unsigned locks;
static __thread int32_t was_slow;

static ssize_t (*real_pread)(int, void *, size_t, off64_t);
static ssize_t (*real_pwrite)(int, const void *, size_t, off64_t);
static ssize_t (*real_write)(int, const void *, size_t);
static int (*real_ftruncate)(int, off64_t);
static int (*real_fcntl)(int, int, ...);
static int (*real_open)(const char *, int, ...);

/* The constructors of other libraries may come before ours. */
static void resolve(void) {
    if (real_open)
        return;
    real_pread = dlsym(RTLD_NEXT, "pread64");
    real_pwrite = dlsym(RTLD_NEXT, "pwrite64");
    real_write = dlsym(RTLD_NEXT, "write");
    real_ftruncate = dlsym(RTLD_NEXT, "ftruncate64");
    real_fcntl = dlsym(RTLD_NEXT, "fcntl64");
    real_open = dlsym(RTLD_NEXT, "open64");
}

__attribute__((constructor)) static void start(void) {
    resolve();
    const char *path = getenv("TG_FAULTS");
    if (strcmp(program_invocation_short_name, "nginx") != 0 || !path)
        return;
    int fd = real_open(path, O_RDWR | O_CLOEXEC);
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (page == MAP_FAILED)
        abort(); /* a test without its faults would test nothing */
    faults = page;
    close(fd);
}

static int path_of(int fd, char path[4096]) {
    char link[64];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, 4095);
    path[n < 0 ? 0 : n] = '\0';
    return n > 0;
}

static int is_config(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && strncmp(slash, "/config.db", 10) == 0;
}

static int is_lost(int fd) {
    char path[4096];
    if (!faults->config_lost && !(faults->feed_lost && locks > FEED_LOCKS))
        return 0;
    return path_of(fd, path) && is_config(path);
}

static int is_below_data(const char *path) {
    size_t n = strlen((const char *)faults->data);
    return n > 0 && strncmp(path, (const char *)faults->data, n) == 0 && path[n] == '/';
}

static int is_read_only(int fd) {
    char path[4096];
    return faults->read_only && path_of(fd, path) && is_below_data(path);
}

ssize_t pread64(int fd, void *p, size_t n, off64_t at) {
    char path[4096];
    if (is_lost(fd)) {
        errno = EIO;
        return -1;
    }
    int32_t round = faults->slow_round;
    if (faults->slow_ms && was_slow != round && locks <= FEED_LOCKS && path_of(fd, path) && is_config(path) &&
        strstr(path, "-wal")) {
        struct timespec pause = {faults->slow_ms / 1000, faults->slow_ms % 1000 * 1000000L};
        was_slow = round;
        __atomic_fetch_add((int32_t *)&faults->slowed, 1, __ATOMIC_SEQ_CST);
        nanosleep(&pause, NULL);
    }
    resolve();
    return real_pread(fd, p, n, at);
}

int fcntl64(int fd, int command, ...) {
    va_list args;
    va_start(args, command);
    void *arg = va_arg(args, void *);
    va_end(args);
    if (faults != &none && command == F_SETLK && ((const struct flock *)arg)->l_type != F_UNLCK) {
        char path[4096];
        if (path_of(fd, path) && is_config(path) && ++locks == FEED_LOCKS + 1)
            __atomic_fetch_add((int32_t *)&faults->feeds, 1, __ATOMIC_SEQ_CST);
        if (is_lost(fd)) {
            errno = EIO;
            return -1;
        }
    }
    resolve();
    return real_fcntl(fd, command, arg);
}

int open64(const char *path, int flags, ...) {
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    if (is_config(path) && (faults->config_lost || (faults->feed_lost && locks > FEED_LOCKS))) {
        errno = EIO;
        return -1;
    }
    if (faults->read_only && (flags & (O_WRONLY | O_RDWR | O_CREAT)) && is_below_data(path)) {
        errno = EROFS;
        return -1;
    }
    resolve();
    return real_open(path, flags, mode);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at) {
    if (is_read_only(fd)) {
        errno = EROFS;
        return -1;
    }
    resolve();
    return real_pwrite(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n) {
    if (is_read_only(fd)) {
        errno = EROFS;
        return -1;
    }
    resolve();
    return real_write(fd, p, n);
}

int ftruncate64(int fd, off64_t n) {
    if (is_read_only(fd)) {
        errno = EROFS;
        return -1;
    }
    resolve();
    return real_ftruncate(fd, n);
}
