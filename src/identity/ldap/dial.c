#include "identity/ldap/dial.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "identity/parts.h"

#define HOST_MAX         256
#define KEEPALIVE_IDLE_S 60

/* ---- resolve: getaddrinfo has no time-out, so it runs apart and may outlive who asked ---- */

typedef struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool done, abandoned;
    int rc;
    struct addrinfo *list;
    char host[HOST_MAX], port[8];
} query_t;

static int query_run(query_t *q, int flags) {
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = flags | AI_NUMERICSERV};
    return getaddrinfo(q->host, q->port, &hints, &q->list);
}

static void query_free(query_t *q) {
    if (q->list != NULL) {
        freeaddrinfo(q->list);
    }
    pthread_cond_destroy(&q->changed);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static query_t *query_new(const char *host, int port) {
    query_t *q = calloc(1, sizeof(*q));
    pthread_condattr_t monotonic;
    if (q == NULL) {
        return NULL;
    }
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    snprintf(q->host, sizeof(q->host), "%s", host);
    snprintf(q->port, sizeof(q->port), "%d", port);
    return q;
}

static void *query_thread(void *arg) {
    query_t *q = arg;
    int rc = query_run(q, AI_ADDRCONFIG);
    pthread_mutex_lock(&q->lock);
    q->rc = rc;
    q->done = true;
    bool abandoned = q->abandoned;
    pthread_cond_signal(&q->changed);
    pthread_mutex_unlock(&q->lock);
    if (abandoned) {
        query_free(q);
    }
    return NULL;
}

/* Signals are the process's own: none is for this thread. */
static int query_start(query_t *q) {
    pthread_attr_t detached;
    pthread_t thread;
    sigset_t all, before;
    sigfillset(&all);
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int rc = pthread_create(&thread, &detached, query_thread, q);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    return rc;
}

/* false: the time has passed, and the thread frees the query. */
static bool query_wait(query_t *q, int64_t deadline) {
    const struct timespec until = {.tv_sec = deadline / 1000000, .tv_nsec = deadline % 1000000 * 1000};
    int rc = 0;
    pthread_mutex_lock(&q->lock);
    while (!q->done && rc == 0) {
        rc = pthread_cond_timedwait(&q->changed, &q->lock, &until);
    }
    bool done = q->done;
    q->abandoned = !done;
    pthread_mutex_unlock(&q->lock);
    return done;
}

static tg_err_t resolve(tg_identity_t *h, const char *host, int port, int64_t deadline, query_t **out) {
    int64_t since = tg_identity_now();
    query_t *q = query_new(host, port);
    if (q == NULL) {
        return TG_ERR_NOMEM;
    }
    q->rc = query_run(q, AI_NUMERICHOST);
    if (q->rc != 0) {
        if (query_start(q) != 0) {
            query_free(q);
            return tg_identity_fail(h, TG_ERR_UNAVAILABLE, "resolve", since, "no thread can be started");
        }
        if (!query_wait(q, deadline)) {
            return tg_identity_fail(h, TG_ERR_UNAVAILABLE, "resolve", since, "%s: no answer in time", host);
        }
    }
    if (q->rc != 0) {
        int rc = q->rc;
        query_free(q);
        return tg_identity_fail(h, TG_ERR_UNAVAILABLE, "resolve", since, "%s: %s", host, gai_strerror(rc));
    }
    tg_identity_step(h, "resolve", true, since, "%s", host);
    *out = q;
    return TG_OK;
}

/* ---- connect ---- */

static void address_write(const struct addrinfo *a, char *out, size_t cap) {
    char host[64], port[8];
    if (getnameinfo(a->ai_addr, a->ai_addrlen, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        snprintf(out, cap, "?");
    } else {
        snprintf(out, cap, a->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
    }
}

/* 0, or why not. */
static int connected(int fd, int64_t deadline) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    int error = 0, rc;
    socklen_t len = sizeof(error);
    do {
        rc = poll(&p, 1, tg_identity_left_ms(deadline));
    } while (rc < 0 && errno == EINTR);
    if (rc == 0) {
        return ETIMEDOUT;
    }
    return rc < 0 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0 ? errno : error;
}

/* An idle connection through a firewall is kept open, and its end is noticed. */
static void options_set(int fd) {
    const int on = 1, idle = KEEPALIVE_IDLE_S;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
}

static int connect_one(const struct addrinfo *a, int64_t deadline, int *out) {
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return errno;
    }
    options_set(fd);
    int error = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
        error = connected(fd, deadline);
    }
    if (error != 0) {
        close(fd);
        return error;
    }
    *out = fd;
    return 0;
}

/* One address that swallows packets leaves time for the others. */
static int64_t share(int64_t deadline, size_t addresses) {
    int64_t now = tg_identity_now();
    return now + (deadline - now) / (int64_t)addresses;
}

static tg_err_t connect_any(tg_identity_t *h, const struct addrinfo *list, int64_t deadline, int *fd) {
    int64_t since = tg_identity_now();
    char address[96] = "?";
    int error = EADDRNOTAVAIL;
    size_t left = 0;
    for (const struct addrinfo *a = list; a != NULL; a = a->ai_next) {
        left++;
    }
    for (const struct addrinfo *a = list; a != NULL && error != 0; a = a->ai_next) {
        address_write(a, address, sizeof(address));
        error = connect_one(a, share(deadline, left--), fd);
    }
    if (error != 0) {
        return tg_identity_fail(h, TG_ERR_UNAVAILABLE, "connect", since, "%s: %s", address, strerrordesc_np(error));
    }
    tg_identity_step(h, "connect", true, since, "%s", address);
    return TG_OK;
}

tg_err_t tg_ldap_dial(tg_identity_t *h, const char *host, int port, int64_t deadline, int *fd) {
    query_t *q = NULL;
    tg_err_t err = resolve(h, host, port, deadline, &q);
    if (!err) {
        err = connect_any(h, q->list, deadline, fd);
        query_free(q);
    }
    return err;
}
