#include "manager/server.h"

#include <arpa/inet.h>
#include <malloc.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "manager/access_log.h"
#include "manager/dispatch.h"

#define CONNECTIONS_MAX 256
#define IDLE_SECONDS    30
#define STOP_MS         10000
#define ANSWER_MAX      ((size_t)64 << 20)

struct tg_server {
    struct MHD_Daemon *daemon;
    tg_manager_t *m;
};

/* Requests that were begun and not fully answered; libmicrohttpd's completion callback gets no argument of ours that
 * is safe to use while it stops, hence the one global of this file. */
static atomic_int in_flight;

/* One request; libmicrohttpd hands it on from call to call. */
typedef struct {
    char *target; /* raw: path and query as they were sent */
    tg_buf_t body;
    bool begun;       /* the head was looked at */
    bool too_long;    /* what came of the body was dropped */
    uint64_t dropped; /* bytes */
} request_t;

static void *target_seen(void *cls, const char *target, struct MHD_Connection *connection) {
    (void)cls;
    (void)connection;
    request_t *r = calloc(1, sizeof(*r));
    if (r != NULL && (r->target = strdup(target)) == NULL) {
        free(r);
        r = NULL;
    }
    if (r != NULL) {
        tg_buf_init(&r->body, TG_BODY_MAX);
        atomic_fetch_add(&in_flight, 1);
    }
    return r;
}

static void request_completed(void *cls, struct MHD_Connection *connection, void **state,
                              enum MHD_RequestTerminationCode why) {
    request_t *r = *state;
    (void)cls;
    (void)connection;
    (void)why;
    if (r == NULL) {
        return;
    }
    free(r->target);
    tg_buf_release(&r->body); /* bodies hold secrets */
    free(r);
    *state = NULL;
    atomic_fetch_sub(&in_flight, 1);
}

/* ---- what came in ---- */

static tg_str_t header(struct MHD_Connection *connection, const char *name) {
    return tg_str(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

/* Of IPv6 the network: who has one has all addresses in it. */
static tg_str_t peer(struct MHD_Connection *connection, char out[64]) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *a = info != NULL ? info->client_addr : NULL;
    out[0] = '\0';
    if (a != NULL && a->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, out, 64);
    } else if (a != NULL && a->sa_family == AF_INET6) {
        const uint8_t *b = ((const struct sockaddr_in6 *)(const void *)a)->sin6_addr.s6_addr;
        snprintf(out, 64, "%02x%02x:%02x%02x:%02x%02x:%02x%02x::/64", b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
    }
    return tg_str(out);
}

/* Begins the call of this request; `address` must live as long. */
static tg_call_t *call_new(tg_manager_t *m, struct MHD_Connection *connection, const char *method, char address[64]) {
    tg_call_t *c = malloc(sizeof(*c));
    if (c == NULL || !tg_call_init(c, m)) {
        free(c);
        return NULL;
    }
    c->method = tg_str(method);
    c->address = peer(connection, address);
    c->authorization = header(connection, "Authorization");
    c->content_type = header(connection, "Content-Type");
    c->if_match_text = header(connection, "If-Match");
    tg_request_id_take(c, header(connection, "X-Request-Id"));
    return c;
}

static void call_free(tg_call_t *c) {
    tg_call_release(c);
    free(c);
}

/* ---- what goes out ---- */

static void answer_free(void *p) {
    tg_wipe(p, malloc_usable_size(p)); /* generated secrets are in there, this once */
    free(p);
}

static void number_put(struct MHD_Response *response, const char *name, int64_t n, const char *quote) {
    char text[32];
    snprintf(text, sizeof(text), "%s%lld%s", quote, (long long)n, quote);
    MHD_add_response_header(response, name, text);
}

static void headers_put(const tg_call_t *c, struct MHD_Response *response) {
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "X-Request-Id", c->request_id);
    MHD_add_response_header(response, "Content-Type",
                            c->text.n > 0 ? "text/plain; version=0.0.4; charset=utf-8" : "application/json");
    if (c->etag > 0) {
        number_put(response, "ETag", c->etag, "\"");
    }
    if (c->retry_after > 0) {
        number_put(response, "Retry-After", c->retry_after, "");
    }
    if (c->status == 401) {
        MHD_add_response_header(response, "WWW-Authenticate", "Bearer realm=\"tollgate\"");
    }
    if (c->status == 405) {
        MHD_add_response_header(response, "Allow", c->allow);
    }
    if (atomic_load(&c->m->stopping)) {
        MHD_add_response_header(response, "Connection", "close");
    }
}

/* The body of the answer; it is taken out of the buffer, and answer_free gives it back. */
static struct MHD_Response *response_new(tg_call_t *c, size_t *n) {
    static const char none[] = "{\"status\":\"FAILURE\",\"resultMessage\":\"out of memory\"}";
    tg_buf_t body;
    tg_buf_init(&body, ANSWER_MAX);
    if (c->text.n > 0) {
        tg_buf_put(&body, tg_buf_str(&c->text));
    } else if (tg_json_write(c->answer, &body) != TG_OK) {
        tg_buf_release(&body);
    }
    *n = body.n;
    if (body.p == NULL || body.err) {
        tg_buf_release(&body);
        c->status = 503;
        return MHD_create_response_from_buffer(sizeof(none) - 1, (void *)(uintptr_t)none, MHD_RESPMEM_PERSISTENT);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(body.n, body.p, answer_free);
    if (response == NULL) {
        answer_free(body.p);
    }
    return response;
}

/* Answers with what the call holds by now; frees the call. */
static enum MHD_Result answer(tg_call_t *c, struct MHD_Connection *connection, int64_t begun, size_t came) {
    size_t n = 0;
    struct MHD_Response *response = response_new(c, &n);
    enum MHD_Result result = MHD_NO;
    if (response != NULL) {
        headers_put(c, response);
        result = MHD_queue_response(connection, (unsigned)c->status, response);
        MHD_destroy_response(response);
    }
    int64_t us = tg_clock_us() - begun;
    tg_requests_count(c->m, c->status, us);
    tg_access_log_write(c, us);
    call_free(c);
    if (came > TG_BODY_MAX || n > TG_BODY_MAX) {
        malloc_trim(0); /* each connection is a thread with a heap of its own, which would keep it */
    }
    return result;
}

/* ---- one request ---- */

/* A body of usual size is read before it is known who sends it; a larger one after its sender has logged in and may
 * make this call, and one that says how long it is and is too long is not read at all. */
static enum MHD_Result head_look(tg_manager_t *m, struct MHD_Connection *connection, const char *method, request_t *r) {
    char address[64];
    uint64_t length = 0;
    int64_t begun = tg_clock_us();
    bool chunked = header(connection, "Transfer-Encoding").n > 0;
    tg_str_t stated = header(connection, "Content-Length");
    if (!chunked && (stated.n == 0 || (tg_str_to_u64(stated, UINT64_MAX, &length) && length <= TG_BODY_MAX))) {
        return MHD_YES;
    }
    tg_call_t *c = call_new(m, connection, method, address);
    if (c == NULL) {
        return MHD_NO;
    }
    tg_str_t query = tg_str(r->target);
    c->path = tg_str_take(&query, '?');
    size_t most = tg_dispatch_head(c, stated.n > 0 ? length : 0);
    if (most == 0) {
        return answer(c, connection, begun, 0);
    }
    r->body.max = most;
    call_free(c);
    return MHD_YES;
}

/* Nobody can be answered before the body has come: what is too long is dropped, and no end of it waited for. */
static enum MHD_Result body_take(request_t *r, const char *data, size_t *n) {
    if (!r->too_long) {
        tg_buf_put(&r->body, tg_strn(data, *n));
        if (r->body.err == TG_ERR_NOMEM) {
            return MHD_NO;
        }
        r->too_long = r->body.err != TG_OK;
    }
    if (r->too_long) {
        tg_buf_release(&r->body);
        r->dropped += *n;
    }
    *n = 0;
    return r->dropped > TG_BODY_LARGE_MAX ? MHD_NO : MHD_YES;
}

static enum MHD_Result serve(tg_manager_t *m, struct MHD_Connection *connection, const char *method, request_t *r) {
    char address[64];
    int64_t begun = tg_clock_us();
    tg_call_t *c = call_new(m, connection, method, address);
    if (c == NULL) {
        return MHD_NO;
    }
    size_t came = r->body.n;
    tg_str_t query = tg_str(r->target);
    c->path = tg_str_take(&query, '?');
    c->raw_body = tg_buf_str(&r->body);
    c->body_too_long = r->too_long;
    tg_dispatch(c, query);
    return answer(c, connection, begun, came);
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *n, void **state) {
    request_t *r = *state;
    (void)url;
    (void)version;
    if (r == NULL) {
        return MHD_NO; /* there was no memory for it */
    }
    if (!r->begun) {
        r->begun = true;
        return head_look(cls, connection, method, r);
    }
    return *n > 0 ? body_take(r, data, n) : serve(cls, connection, method, r);
}

/* ---- the server ---- */

tg_err_t tg_server_start(tg_manager_t *m, int fd, tg_server_t **out) {
    const unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC;
    tg_server_t *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        close(fd);
        return TG_ERR_NOMEM;
    }
    s->m = m;
    s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, handle, m, MHD_OPTION_LISTEN_SOCKET, fd,
                                 MHD_OPTION_NOTIFY_COMPLETED, request_completed, NULL, MHD_OPTION_URI_LOG_CALLBACK,
                                 target_seen, NULL, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                                 MHD_OPTION_CONNECTION_TIMEOUT, IDLE_SECONDS, MHD_OPTION_END);
    if (s->daemon == NULL) {
        fprintf(stderr, "tollgate-manager: the HTTP server does not start\n");
        free(s);
        close(fd);
        return TG_ERR_UNAVAILABLE;
    }
    *out = s;
    return TG_OK;
}

void tg_server_stop(tg_server_t *s) {
    atomic_store(&s->m->stopping, true);
    MHD_socket fd = MHD_quiesce_daemon(s->daemon);
    for (int waited = 0; atomic_load(&in_flight) > 0 && waited < STOP_MS; waited += 10) {
        usleep(10000);
    }
    MHD_stop_daemon(s->daemon);
    if (fd != MHD_INVALID_SOCKET) {
        close(fd);
    }
    free(s);
}
