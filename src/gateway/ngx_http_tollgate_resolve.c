
/* The addresses of backends: literal ones, and names looked up in a thread. */

#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>

#include "ngx_http_tollgate_state.h"


#define NGX_HTTP_TOLLGATE_NAME_AGAIN   30000  /* ms; DNS names move slowly */
#define NGX_HTTP_TOLLGATE_NAME_RETRY   2000   /* without any address */
#define NGX_HTTP_TOLLGATE_NAME_WAIT    500    /* a load waits for new names */
#define NGX_HTTP_TOLLGATE_NAME_MAX     255
#define NGX_HTTP_TOLLGATE_NAME_ADDRS   16


typedef struct ngx_http_tollgate_name_s  ngx_http_tollgate_name_t;

struct ngx_http_tollgate_name_s {
    char                           host[NGX_HTTP_TOLLGATE_NAME_MAX + 1];
    ngx_http_tollgate_sockaddr_t   addrs[NGX_HTTP_TOLLGATE_NAME_ADDRS];
    ngx_uint_t                     n;
    ngx_uint_t                     known;   /* asked for at least once */
    ngx_uint_t                     used;    /* by the newest snapshot */
    uint64_t                       due;     /* monotonic ms */
    ngx_http_tollgate_name_t      *next;
};


struct ngx_http_tollgate_names_s {
    pthread_mutex_t                mutex;
    pthread_cond_t                 due;
    pthread_cond_t                 answered;
    pthread_t                      tid;
    ngx_uint_t                     started;
    ngx_uint_t                     stop;
    ngx_uint_t                     changed;
    ngx_http_tollgate_name_t      *first;
    ngx_log_t                     *log;
};


static ngx_int_t ngx_http_tollgate_literal(tg_str_t host, uint16_t port,
    ngx_http_tollgate_sockaddr_t *sa);
static ngx_http_tollgate_name_t *ngx_http_tollgate_name_find(
    ngx_http_tollgate_names_t *names, tg_str_t host);
static ngx_http_tollgate_name_t *ngx_http_tollgate_name_use(
    ngx_http_tollgate_names_t *names, tg_str_t host);
static tg_err_t ngx_http_tollgate_names_collect(
    ngx_http_tollgate_names_t *names, ngx_http_tollgate_snapshot_t *s);
static void ngx_http_tollgate_names_wait(ngx_http_tollgate_names_t *names);
static tg_err_t ngx_http_tollgate_names_copy(ngx_http_tollgate_names_t *names,
    ngx_http_tollgate_snapshot_t *s);
static void *ngx_http_tollgate_names_main(void *data);
static void ngx_http_tollgate_name_lookup(ngx_http_tollgate_names_t *names,
    const char *host);


ngx_http_tollgate_names_t *
ngx_http_tollgate_names_new(ngx_log_t *log)
{
    pthread_condattr_t          attr;
    ngx_http_tollgate_names_t  *names;

    names = calloc(1, sizeof(ngx_http_tollgate_names_t));
    if (names == NULL) {
        return NULL;
    }

    names->log = log;

    (void) pthread_mutex_init(&names->mutex, NULL);
    (void) pthread_condattr_init(&attr);
    (void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void) pthread_cond_init(&names->due, &attr);
    (void) pthread_cond_init(&names->answered, &attr);
    (void) pthread_condattr_destroy(&attr);

    return names;
}


ngx_int_t
ngx_http_tollgate_names_free(ngx_http_tollgate_names_t *names)
{
    ngx_http_tollgate_name_t  *name, *next;

    if (names == NULL) {
        return NGX_OK;
    }

    if (names->started) {
        (void) pthread_mutex_lock(&names->mutex);
        names->stop = 1;
        (void) pthread_cond_signal(&names->due);
        (void) pthread_mutex_unlock(&names->mutex);

        if (ngx_http_tollgate_thread_join(names->tid,
                                          NGX_HTTP_TOLLGATE_NAME_WAIT)
            != NGX_OK)
        {
            return NGX_DECLINED;
        }
    }

    for (name = names->first; name; name = next) {
        next = name->next;
        free(name);
    }

    (void) pthread_cond_destroy(&names->due);
    (void) pthread_cond_destroy(&names->answered);
    (void) pthread_mutex_destroy(&names->mutex);
    free(names);

    return NGX_OK;
}


static ngx_int_t
ngx_http_tollgate_literal(tg_str_t host, uint16_t port,
    ngx_http_tollgate_sockaddr_t *sa)
{
    char                  text[INET6_ADDRSTRLEN + 1];
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    if (host.n == 0 || host.n >= sizeof(text)) {
        return NGX_DECLINED;
    }

    ngx_memcpy(text, host.p, host.n);
    text[host.n] = '\0';

    ngx_memzero(sa, sizeof(ngx_http_tollgate_sockaddr_t));

    sin = (struct sockaddr_in *) &sa->sockaddr;

    if (inet_pton(AF_INET, text, &sin->sin_addr) == 1) {
        sin->sin_family = AF_INET;
        sin->sin_port = htons(port);
        sa->socklen = sizeof(struct sockaddr_in);
        return NGX_OK;
    }

    sin6 = (struct sockaddr_in6 *) &sa->sockaddr;

    if (inet_pton(AF_INET6, text, &sin6->sin6_addr) == 1) {
        sin6->sin6_family = AF_INET6;
        sin6->sin6_port = htons(port);
        sa->socklen = sizeof(struct sockaddr_in6);
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static ngx_http_tollgate_name_t *
ngx_http_tollgate_name_find(ngx_http_tollgate_names_t *names, tg_str_t host)
{
    ngx_http_tollgate_name_t  *name;

    for (name = names->first; name; name = name->next) {
        if (tg_str_eq(tg_str(name->host), host)) {
            return name;
        }
    }

    return NULL;
}


static ngx_http_tollgate_name_t *
ngx_http_tollgate_name_use(ngx_http_tollgate_names_t *names, tg_str_t host)
{
    ngx_http_tollgate_name_t  *name;

    name = ngx_http_tollgate_name_find(names, host);

    if (name == NULL) {
        name = calloc(1, sizeof(ngx_http_tollgate_name_t));
        if (name == NULL) {
            return NULL;
        }

        ngx_memcpy(name->host, host.p, host.n);
        name->next = names->first;
        names->first = name;
    }

    name->used = 1;

    return name;
}


/* Under the mutex: the names of s and no others are in use. */
static tg_err_t
ngx_http_tollgate_names_collect(ngx_http_tollgate_names_t *names,
    ngx_http_tollgate_snapshot_t *s)
{
    size_t                          i, j;
    tg_proxy_t                     *proxy;
    ngx_http_tollgate_name_t       *name, **prev;
    ngx_http_tollgate_sockaddr_t    sa;

    for (name = names->first; name; name = name->next) {
        name->used = 0;
    }

    for (i = 0; i < s->snapshot.n_proxies; i++) {
        proxy = &s->snapshot.proxies[i].proxy;

        for (j = 0; j < proxy->n_addresses; j++) {

            if (ngx_http_tollgate_literal(proxy->addresses[j].host, 0, &sa)
                == NGX_OK
                || proxy->addresses[j].host.n > NGX_HTTP_TOLLGATE_NAME_MAX)
            {
                continue;
            }

            s->named = 1;

            if (ngx_http_tollgate_name_use(names, proxy->addresses[j].host)
                == NULL)
            {
                return TG_ERR_NOMEM;
            }
        }
    }

    for (prev = &names->first; *prev; /* void */ ) {
        name = *prev;

        if (name->used) {
            prev = &name->next;
            continue;
        }

        *prev = name->next;
        free(name);
    }

    return TG_OK;
}


/* Under the mutex: until all names are known, or long enough. */
static void
ngx_http_tollgate_names_wait(ngx_http_tollgate_names_t *names)
{
    struct timespec            end;
    ngx_http_tollgate_name_t  *name;

    (void) clock_gettime(CLOCK_MONOTONIC, &end);

    end.tv_nsec += NGX_HTTP_TOLLGATE_NAME_WAIT * 1000000L;

    if (end.tv_nsec >= 1000000000) {
        end.tv_sec++;
        end.tv_nsec -= 1000000000;
    }

    (void) pthread_cond_signal(&names->due);

    for ( ;; ) {
        for (name = names->first; name && name->known; name = name->next) {
            /* void */
        }

        if (name == NULL
            || pthread_cond_timedwait(&names->answered, &names->mutex, &end)
               != 0)
        {
            return;
        }
    }
}


static ngx_int_t
ngx_http_tollgate_resolved_set(ngx_http_tollgate_names_t *names,
    ngx_http_tollgate_snapshot_t *s, const tg_address_t *address,
    ngx_http_tollgate_resolved_t *r)
{
    ngx_uint_t                     i;
    struct sockaddr_in6           *sin6;
    ngx_http_tollgate_name_t      *name;
    ngx_http_tollgate_sockaddr_t   sa;

    if (ngx_http_tollgate_literal(address->host, address->port, &sa) == NGX_OK)
    {
        r->addrs = tg_arena_array(&s->arena, 1, sizeof(sa));
        if (r->addrs == NULL) {
            return NGX_ERROR;
        }

        r->addrs[0] = sa;
        r->n = 1;
        return NGX_OK;
    }

    name = ngx_http_tollgate_name_find(names, address->host);

    if (name == NULL || name->n == 0) {
        s->unresolved++;
        return NGX_OK;
    }

    r->addrs = tg_arena_array(&s->arena, name->n, sizeof(sa));
    if (r->addrs == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < name->n; i++) {
        r->addrs[i] = name->addrs[i];

        /* at the same place in sockaddr_in */
        sin6 = (struct sockaddr_in6 *) &r->addrs[i].sockaddr;
        sin6->sin6_port = htons(address->port);
    }

    r->n = name->n;

    return NGX_OK;
}


static tg_err_t
ngx_http_tollgate_names_copy(ngx_http_tollgate_names_t *names,
    ngx_http_tollgate_snapshot_t *s)
{
    size_t       i, j;
    tg_proxy_t  *proxy;

    s->resolved = tg_arena_array(&s->arena, s->snapshot.n_proxies + 1,
                                 sizeof(ngx_http_tollgate_resolved_t *));
    if (s->resolved == NULL) {
        return TG_ERR_NOMEM;
    }

    for (i = 0; i < s->snapshot.n_proxies; i++) {
        proxy = &s->snapshot.proxies[i].proxy;

        s->resolved[i] = tg_arena_array(&s->arena, proxy->n_addresses + 1,
                                        sizeof(ngx_http_tollgate_resolved_t));
        if (s->resolved[i] == NULL) {
            return TG_ERR_NOMEM;
        }

        for (j = 0; j < proxy->n_addresses; j++) {
            if (ngx_http_tollgate_resolved_set(names, s, &proxy->addresses[j],
                                               &s->resolved[i][j])
                != NGX_OK)
            {
                return TG_ERR_NOMEM;
            }
        }
    }

    return TG_OK;
}


tg_err_t
ngx_http_tollgate_names_resolve(ngx_http_tollgate_names_t *names,
    ngx_http_tollgate_snapshot_t *s)
{
    tg_err_t  err;

    (void) pthread_mutex_lock(&names->mutex);

    err = ngx_http_tollgate_names_collect(names, s);

    if (err == TG_OK && s->named) {

        if (!names->started
            && ngx_http_tollgate_thread_start(&names->tid,
                                              ngx_http_tollgate_names_main,
                                              names, names->log)
               == NGX_OK)
        {
            names->started = 1;
        }

        ngx_http_tollgate_names_wait(names);
    }

    if (err == TG_OK) {
        names->changed = 0;
        err = ngx_http_tollgate_names_copy(names, s);
    }

    (void) pthread_mutex_unlock(&names->mutex);

    return err;
}


ngx_uint_t
ngx_http_tollgate_names_changed(ngx_http_tollgate_names_t *names)
{
    ngx_uint_t  changed;

    (void) pthread_mutex_lock(&names->mutex);
    changed = names->changed;
    (void) pthread_mutex_unlock(&names->mutex);

    return changed;
}


/* The name to look up next: those never looked up go first. */
static ngx_http_tollgate_name_t *
ngx_http_tollgate_name_next(ngx_http_tollgate_names_t *names)
{
    ngx_http_tollgate_name_t  *name, *next;

    next = NULL;

    for (name = names->first; name; name = name->next) {
        if (!name->known) {
            return name;
        }

        if (next == NULL || name->due < next->due) {
            next = name;
        }
    }

    return next;
}


static void *
ngx_http_tollgate_names_main(void *data)
{
    ngx_http_tollgate_names_t *names = data;

    char                       host[NGX_HTTP_TOLLGATE_NAME_MAX + 1];
    struct timespec            ts;
    ngx_http_tollgate_name_t  *name;

    (void) pthread_mutex_lock(&names->mutex);

    while (!names->stop) {

        name = ngx_http_tollgate_name_next(names);

        if (name == NULL) {
            (void) pthread_cond_wait(&names->due, &names->mutex);
            continue;
        }

        if (name->known && name->due > ngx_http_tollgate_monotonic_ms()) {
            ts.tv_sec = (time_t) (name->due / 1000) + 1;
            ts.tv_nsec = 0;
            (void) pthread_cond_timedwait(&names->due, &names->mutex, &ts);
            continue;
        }

        ngx_memcpy(host, name->host, sizeof(host));

        (void) pthread_mutex_unlock(&names->mutex);

        ngx_http_tollgate_name_lookup(names, host);

        (void) pthread_mutex_lock(&names->mutex);
    }

    (void) pthread_mutex_unlock(&names->mutex);

    return NULL;
}


/* IPv4 first: backends that listen on one family listen on that one. */
static int
ngx_http_tollgate_sockaddr_cmp(const void *one, const void *two)
{
    const ngx_http_tollgate_sockaddr_t  *a, *b;

    a = one;
    b = two;

    if (a->sockaddr.ss_family != b->sockaddr.ss_family) {
        return (a->sockaddr.ss_family == AF_INET) ? -1 : 1;
    }

    return memcmp(&a->sockaddr, &b->sockaddr, a->socklen);
}


static void
ngx_http_tollgate_name_lookup(ngx_http_tollgate_names_t *names,
    const char *host)
{
    int                            err;
    ngx_uint_t                     n;
    struct addrinfo                hints, *list, *ai;
    ngx_http_tollgate_name_t      *name;
    ngx_http_tollgate_sockaddr_t   addrs[NGX_HTTP_TOLLGATE_NAME_ADDRS];

    ngx_memzero(&hints, sizeof(hints));
    ngx_memzero(addrs, sizeof(addrs));

    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;

    list = NULL;
    n = 0;

    err = getaddrinfo(host, NULL, &hints, &list);

    for (ai = err ? NULL : list;
         ai && n < NGX_HTTP_TOLLGATE_NAME_ADDRS;
         ai = ai->ai_next)
    {
        if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6) {
            continue;
        }

        ngx_memcpy(&addrs[n].sockaddr, ai->ai_addr, ai->ai_addrlen);
        addrs[n].socklen = ai->ai_addrlen;
        n++;
    }

    if (list) {
        freeaddrinfo(list);
    }

    ngx_qsort(addrs, n, sizeof(ngx_http_tollgate_sockaddr_t),
              ngx_http_tollgate_sockaddr_cmp);

    (void) pthread_mutex_lock(&names->mutex);

    name = ngx_http_tollgate_name_find(names, tg_str(host));

    if (name) {
        if (n == 0) {
            /* the last addresses stay: a DNS outage is not the backend's */

            ngx_log_error(NGX_LOG_WARN, names->log, 0,
                          "tollgate: \"%s\" could not be resolved (%s)", host,
                          err ? gai_strerror(err) : "no addresses");

        } else if (n != name->n
                   || memcmp(addrs, name->addrs, n * sizeof(addrs[0])) != 0)
        {
            ngx_memcpy(name->addrs, addrs, sizeof(addrs));
            name->n = n;
            names->changed = 1;
        }

        name->known = 1;
        name->due = ngx_http_tollgate_monotonic_ms()
                    + (name->n ? NGX_HTTP_TOLLGATE_NAME_AGAIN
                               : NGX_HTTP_TOLLGATE_NAME_RETRY);
    }

    (void) pthread_cond_broadcast(&names->answered);
    (void) pthread_mutex_unlock(&names->mutex);
}
