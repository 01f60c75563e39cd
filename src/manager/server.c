#include "manager/server.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <ulfius.h>
#include <unistd.h>

#include "manager/dispatch.h"

#define CONNECTIONS_MAX 256
#define IDLE_SECONDS    30
#define STOP_MS         10000
#define ANSWER_MAX      ((size_t)64 << 20)

struct tg_server {
    struct _u_instance instance;
    tg_manager_t *m;
};

/* Requests that were begun and not fully answered; libmicrohttpd's completion callback gets no argument of ours that
 * is safe to use while it stops, hence the one global of this file. */
static atomic_int in_flight;

static void *uri_seen(void *cls, const char *uri) {
    void *info = ulfius_uri_logger(cls, uri);
    if (info != NULL) {
        atomic_fetch_add(&in_flight, 1);
    }
    return info;
}

static void request_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                              enum MHD_RequestTerminationCode why) {
    if (*con_cls != NULL) {
        atomic_fetch_sub(&in_flight, 1);
    }
    mhd_request_completed(cls, connection, con_cls, why);
}

/* ---- one request ---- */

static tg_str_t header(const struct _u_request *request, const char *name) {
    return tg_str(u_map_get_case(request->map_header, name));
}

/* libulfius keeps 16 bytes of the peer's address: all of IPv4, and of IPv6 the network. */
static tg_str_t peer(const struct _u_request *request, char out[64]) {
    const struct sockaddr *a = request->client_address;
    out[0] = '\0';
    if (a != NULL && a->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, out, 64);
    } else if (a != NULL && a->sa_family == AF_INET6) {
        const uint8_t *b = (const uint8_t *)a + 8;
        snprintf(out, 64, "%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
    }
    return tg_str(out);
}

static void answer_set(tg_call_t *c, struct _u_response *response) {
    char number[32];
    u_map_put(response->map_header, "Cache-Control", "no-store");
    u_map_put(response->map_header, "X-Content-Type-Options", "nosniff");
    if (c->etag > 0) {
        snprintf(number, sizeof(number), "\"%lld\"", (long long)c->etag);
        u_map_put(response->map_header, "ETag", number);
    }
    if (c->retry_after > 0) {
        snprintf(number, sizeof(number), "%lld", (long long)c->retry_after);
        u_map_put(response->map_header, "Retry-After", number);
    }
    if (c->status == 401) {
        u_map_put(response->map_header, "WWW-Authenticate", "Bearer realm=\"tollgate\"");
    }
    if (c->status == 405) {
        u_map_put(response->map_header, "Allow", c->allow);
    }
    if (atomic_load(&c->m->stopping)) {
        u_map_put(response->map_header, "Connection", "close");
    }
    if (c->text.n > 0) {
        u_map_put(response->map_header, "Content-Type", "text/plain; version=0.0.4; charset=utf-8");
        ulfius_set_binary_body_response(response, (unsigned)c->status, c->text.p, c->text.n);
        return;
    }
    tg_buf_t body;
    tg_buf_init(&body, ANSWER_MAX);
    u_map_put(response->map_header, "Content-Type", "application/json");
    if (tg_json_write(c->answer, &body) == TG_OK) {
        ulfius_set_binary_body_response(response, (unsigned)c->status, body.p, body.n);
    } else {
        ulfius_set_string_body_response(response, 503, "{\"status\":\"FAILURE\",\"resultMessage\":\"out of memory\"}");
    }
    tg_buf_release(&body);
}

/* One line per request; the path without its query, bytes that could forge a line replaced. */
static void log_line(tg_call_t *c, int64_t us) {
    tg_buf_t line;
    char mem[2048];
    tg_buf_init_fixed(&line, mem, sizeof(mem));
    tg_buf_put_iso8601(&line, c->now);
    tg_buf_putc(&line, ' ');
    tg_str_t parts[2] = {c->method, c->path};
    for (size_t i = 0; i < 2; i++) {
        for (size_t j = 0; j < parts[i].n && j < 800; j++) {
            char ch = parts[i].p[j];
            tg_buf_putc(&line, ch > 0x20 && ch < 0x7f ? ch : '?');
        }
        tg_buf_putc(&line, ' ');
    }
    tg_buf_putf(&line, "%d %lld.%03lldms %.*s %.*s\n", c->status, (long long)(us / 1000), (long long)(us % 1000),
                TG_STR_ARGS(c->address), TG_STR_ARGS(c->who.n ? c->who : TG_STR("-")));
    if (write(STDERR_FILENO, line.p, line.n) < 0) {
        return; /* nobody to tell */
    }
}

static int64_t clock_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void count(tg_manager_t *m, int status, int64_t us) {
    int class = status / 100;
    atomic_fetch_add(&m->metrics.by_class[class >= 1 && class <= 5 ? class : 5], 1);
    atomic_fetch_add(&m->metrics.duration_us, (uint64_t)us);
}

static int serve(const struct _u_request *request, struct _u_response *response, void *user) {
    tg_manager_t *m = user;
    tg_call_t *c = malloc(sizeof(*c));
    char address[64];
    int64_t begun = clock_us();
    if (c == NULL || !tg_call_init(c, m)) {
        free(c);
        return U_CALLBACK_ERROR;
    }
    tg_str_t url = tg_str(request->http_url);
    c->method = tg_str(request->http_verb);
    c->path = tg_str_take(&url, '?');
    c->address = peer(request, address);
    c->authorization = header(request, "Authorization");
    c->content_type = header(request, "Content-Type");
    c->if_match_text = header(request, "If-Match");
    c->raw_body = tg_strn(request->binary_body, request->binary_body_length);
    tg_dispatch(c, url);
    answer_set(c, response);
    int64_t us = clock_us() - begun;
    count(m, c->status, us);
    log_line(c, us);
    if (request->binary_body != NULL) {
        tg_wipe(request->binary_body, request->binary_body_length);
    }
    bool large = request->binary_body_length > TG_BODY_MAX || response->binary_body_length > TG_BODY_MAX;
    tg_call_release(c);
    free(c);
    if (large) {
        malloc_trim(0); /* each connection is a thread with a heap of its own, which would keep it */
    }
    return U_CALLBACK_COMPLETE;
}

/* ---- the server ---- */

static bool instance_start(struct _u_instance *instance, int fd) {
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)request_completed, NULL},
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)uri_seen, NULL},
        {MHD_OPTION_LISTEN_SOCKET, fd, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC;
    return ulfius_start_framework_with_mhd_options(instance, flags, options) == U_OK;
}

tg_err_t tg_server_start(tg_manager_t *m, int fd, tg_server_t **out) {
    tg_server_t *s = calloc(1, sizeof(*s));
    if (s == NULL || ulfius_init_instance(&s->instance, 1, NULL, NULL) != U_OK) {
        free(s);
        close(fd);
        return TG_ERR_NOMEM;
    }
    s->m = m;
    s->instance.max_post_body_size = TG_BODY_LARGE_MAX + 1; /* one more, so that a longer body is seen as such */
    s->instance.allowed_post_processor = U_POST_PROCESS_NONE;
    s->instance.check_utf8 = 0;
    /* Our own table routes; this takes whatever comes. */
    if (ulfius_add_endpoint_by_val(&s->instance, "*", NULL, "*", 0, serve, m) != U_OK ||
        ulfius_set_default_endpoint(&s->instance, serve, m) != U_OK || !instance_start(&s->instance, fd)) {
        fprintf(stderr, "tollgate-manager: the HTTP server does not start\n");
        ulfius_clean_instance(&s->instance);
        free(s);
        close(fd);
        return TG_ERR_UNAVAILABLE;
    }
    *out = s;
    return TG_OK;
}

void tg_server_stop(tg_server_t *s) {
    atomic_store(&s->m->stopping, true);
    MHD_socket fd = MHD_quiesce_daemon(s->instance.mhd_daemon);
    for (int waited = 0; atomic_load(&in_flight) > 0 && waited < STOP_MS; waited += 10) {
        usleep(10000);
    }
    ulfius_stop_framework(&s->instance);
    ulfius_clean_instance(&s->instance);
    if (fd != MHD_INVALID_SOCKET) {
        close(fd);
    }
    free(s);
}
