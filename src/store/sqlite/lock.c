#include "store/sqlite/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

/* A writer takes QUEUE, then WRITE, then gives QUEUE back. Whoever holds QUEUE is the next writer: the one that has
 * just finished has to queue behind it. */
enum { WRITE = 0, QUEUE = 1 };

#define POLL_FIRST_NS 50000L
#define POLL_MAX_NS   1000000L

void tg_filelock_init(tg_filelock_t *l, const char *path) {
    l->fd = -1;
    snprintf(l->path, sizeof(l->path), "%s", path);
}

void tg_filelock_release(tg_filelock_t *l) {
    if (l->fd >= 0) {
        close(l->fd);
        l->fd = -1;
    }
}

/* 0, or -1 with errno; EAGAIN or EACCES: another holds it. */
static int range_set(int fd, int range, short type) {
    struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = range, .l_len = 1};
    int rc;
    do {
        rc = fcntl(fd, F_OFD_SETLK, &fl);
    } while (rc != 0 && errno == EINTR);
    return rc;
}

static int64_t now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Polls: a wait inside fcntl could only be bounded with a signal. The next writer (WRITE) polls quickly, those behind
 * it more and more slowly. */
static tg_err_t range_wait(int fd, int range, int64_t deadline) {
    long pause = POLL_FIRST_NS;
    while (range_set(fd, range, F_WRLCK) != 0) {
        if (errno != EAGAIN && errno != EACCES) {
            return TG_ERR_UNAVAILABLE;
        }
        if (now_ns() >= deadline) {
            return TG_ERR_AGAIN;
        }
        nanosleep(&(struct timespec){0, pause}, NULL);
        if (range == QUEUE && pause < POLL_MAX_NS) {
            pause *= 2;
        }
    }
    return TG_OK;
}

tg_err_t tg_filelock_take(tg_filelock_t *l, int wait_ms) {
    if (l->fd < 0) {
        l->fd = open(l->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (l->fd < 0) {
            return TG_ERR_UNAVAILABLE;
        }
    }
    int64_t deadline = now_ns() + (int64_t)wait_ms * 1000000;
    tg_err_t err = range_wait(l->fd, QUEUE, deadline);
    if (err == TG_OK) {
        err = range_wait(l->fd, WRITE, deadline);
        range_set(l->fd, QUEUE, F_UNLCK);
    }
    return err;
}

void tg_filelock_drop(tg_filelock_t *l) {
    range_set(l->fd, WRITE, F_UNLCK);
}
