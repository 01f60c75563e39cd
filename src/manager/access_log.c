#include "manager/access_log.h"

#include <stdio.h>
#include <unistd.h>

#include "base/b64.h"
#include "manager/password.h"
#include "policy/trace.h"

#define PATH_SHOWN 800

/* ---- request ids ---- */

static bool is_local(tg_str_t address) {
    return tg_str_starts(address, TG_STR("127.")) || tg_str_eq(address, TG_STR("0000:0000:0000:0000::/64"));
}

void tg_request_id_take(tg_call_t *c, tg_str_t given) {
    uint8_t random[16];
    if (is_local(c->address) && tg_request_id_is_sane(given)) {
        memcpy(c->request_id, given.p, given.n);
        c->request_id[given.n] = '\0';
        return;
    }
    tg_random(random, sizeof(random));
    c->request_id[tg_hex_encode(tg_strn((const char *)random, sizeof(random)), c->request_id)] = '\0';
}

/* ---- the log ---- */

/* Bytes that could forge a line are replaced. */
static void plain_put(tg_buf_t *line, tg_str_t s, size_t most) {
    for (size_t i = 0; i < s.n && i < most; i++) {
        char ch = s.p[i];
        tg_buf_putc(line, ch > 0x20 && ch < 0x7f ? ch : '?');
    }
}

static void text_write(const tg_call_t *c, int64_t us, tg_buf_t *line) {
    tg_buf_put_iso8601(line, c->now);
    tg_buf_putc(line, ' ');
    plain_put(line, c->method, PATH_SHOWN);
    tg_buf_putc(line, ' ');
    plain_put(line, c->path, PATH_SHOWN);
    tg_buf_putf(line, " %d %lld.%03lldms %.*s %.*s %s\n", c->status, (long long)(us / 1000), (long long)(us % 1000),
                TG_STR_ARGS(c->address), TG_STR_ARGS(c->who.n ? c->who : TG_STR("-")), c->request_id);
}

static void member_put(tg_buf_t *line, const char *name, tg_str_t value) {
    tg_buf_putf(line, ",\"%s\":", name);
    tg_buf_put_json(line, value);
}

static void json_write(const tg_call_t *c, int64_t us, tg_buf_t *line) {
    tg_str_t path = tg_strn(c->path.p, c->path.n < PATH_SHOWN ? c->path.n : PATH_SHOWN);
    tg_buf_put(line, TG_STR("{\"time\":\""));
    tg_buf_put_iso8601(line, c->now);
    tg_buf_putc(line, '"');
    member_put(line, "request_id", tg_str(c->request_id));
    member_put(line, "client", c->address);
    member_put(line, "method", c->method);
    member_put(line, "path", path);
    member_put(line, "operation", tg_str(c->op != NULL ? c->op->id : ""));
    member_put(line, "administrator", c->who);
    tg_buf_putf(line, ",\"status\":%d,\"seconds\":%lld.%06lld}\n", c->status, (long long)(us / 1000000),
                (long long)(us % 1000000));
}

void tg_access_log_write(const tg_call_t *c, int64_t us) {
    tg_buf_t line;
    char mem[8192]; /* a path of control characters takes six bytes for each */
    tg_buf_init_fixed(&line, mem, sizeof(mem));
    if (c->m->log_json) {
        json_write(c, us, &line);
    } else {
        text_write(c, us, &line);
    }
    if (line.err == TG_OK && write(STDERR_FILENO, line.p, line.n) < 0) {
        return; /* nobody to tell */
    }
}

/* ---- the counts ---- */

void tg_requests_count(tg_manager_t *m, int status, int64_t us) {
    int class = status / 100;
    atomic_fetch_add(&m->metrics.by_class[class >= 1 && class <= 5 ? class : 5], 1);
    tg_histogram_add(&m->metrics.requests, us);
}
