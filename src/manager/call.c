#include "manager/call.h"

#include <stdarg.h>
#include <stdio.h>

#define ARENA_MAX     ((size_t)512 << 20)
#define AUDIT_DOC_MAX ((size_t)4 << 20)
#define BEGIN_WAIT_MS 5000

bool tg_call_init(tg_call_t *c, tg_manager_t *m) {
    memset(c, 0, sizeof(*c));
    c->m = m;
    c->now = tg_now();
    tg_arena_init(&c->arena, ARENA_MAX);
    tg_buf_init(&c->text, 1 << 20);
    c->answer = json_object();
    return c->answer != NULL;
}

void tg_call_release(tg_call_t *c) {
    tg_call_rollback(c);
    tg_pool_give(&c->m->configs, c->store);
    json_decref(c->body);
    json_decref(c->answer);
    json_decref(c->before);
    json_decref(c->after);
    json_decref(c->keys_made);
    tg_buf_release(&c->text);
    tg_arena_release(&c->arena);
}

/* The caller has the writer's lock. */
static tg_err_t transaction_begin(tg_call_t *c) {
    tg_err_t err = c->store->ops->begin(c->store, BEGIN_WAIT_MS);
    if (err) {
        pthread_mutex_unlock(&c->m->writer);
        return tg_fault(&c->fault, err, "", "the store cannot be written now");
    }
    c->writing = true;
    return TG_OK;
}

tg_err_t tg_call_begin(tg_call_t *c) {
    if (c->writing) {
        return TG_OK;
    }
    int64_t asked = tg_clock_us();
    pthread_mutex_lock(&c->m->writer);
    tg_histogram_add(&c->m->metrics.writer_waits, tg_clock_us() - asked);
    return transaction_begin(c);
}

tg_err_t tg_call_begin_within(tg_call_t *c, int wait_ms) {
    tg_ms_t until = tg_now() + wait_ms;
    const struct timespec end = {until / 1000, (until % 1000) * 1000000};
    return pthread_mutex_timedlock(&c->m->writer, &end) == 0 ? transaction_begin(c) : TG_ERR_UNAVAILABLE;
}

static tg_err_t doc_write(const json_t *doc, tg_buf_t *out) {
    tg_buf_init(out, AUDIT_DOC_MAX);
    return doc == NULL || json_is_null(doc) ? TG_OK : tg_json_write(doc, out);
}

/* A login writes its session and nothing that an audit is about. */
static bool is_audited(const tg_call_t *c) {
    return c->op == NULL || ((c->op->flags & TG_OP_WRITES) && !(c->op->flags & TG_OP_OWN_AUDIT));
}

/* Of "PUT /apiops/projects/<name>/...", for calls that are about several. */
static tg_str_t project_of(const tg_call_t *c, tg_str_t what) {
    static const char mark[] = " /apiops/projects/";
    const char *at = memmem(what.p, what.n, mark, sizeof(mark) - 1);
    if (c->project.n > 0 || at == NULL) {
        return c->project;
    }
    const char *name = at + sizeof(mark) - 1;
    tg_str_t rest = tg_strn(name, what.n - (size_t)(name - what.p));
    return tg_str_take(&rest, '/');
}

tg_err_t tg_call_audit(tg_call_t *c, tg_str_t what) {
    tg_buf_t before, after;
    tg_err_t err_before = doc_write(c->before, &before);
    tg_err_t err_after = doc_write(c->after, &after);
    tg_err_t err = err_before ? err_before : err_after;
    if (!err) {
        tg_audit_t row = {.at = c->now,
                          .who = c->who,
                          .what = what,
                          .project = project_of(c, what),
                          .before = tg_buf_str(&before),
                          .after = tg_buf_str(&after)};
        err = c->store->ops->audit_append(c->store, &row);
    }
    tg_buf_release(&before);
    tg_buf_release(&after);
    json_decref(c->before);
    json_decref(c->after);
    c->before = c->after = NULL;
    return err;
}

tg_err_t tg_call_audit_path(tg_call_t *c) {
    tg_buf_t what;
    tg_buf_init(&what, 4096);
    tg_buf_putf(&what, "%.*s %.*s/", TG_STR_ARGS(c->method), TG_STR_ARGS(c->path));
    tg_err_t err = what.err ? what.err : tg_call_audit(c, tg_buf_str(&what));
    tg_buf_release(&what);
    return err;
}

tg_err_t tg_call_commit(tg_call_t *c) {
    if (!c->writing) {
        return TG_OK;
    }
    tg_err_t err = is_audited(c) ? tg_call_audit_path(c) : TG_OK;
    if (err) {
        tg_call_rollback(c);
        return err;
    }
    return tg_call_end(c);
}

tg_err_t tg_call_end(tg_call_t *c) {
    int64_t begun = tg_clock_us();
    tg_err_t err = c->store->ops->commit(c->store);
    c->writing = false;
    pthread_mutex_unlock(&c->m->writer);
    tg_histogram_add(&c->m->metrics.commits, tg_clock_us() - begun);
    atomic_fetch_add(err ? &c->m->metrics.commits_failed : &c->m->metrics.writes, 1);
    return err;
}

void tg_call_rollback(tg_call_t *c) {
    if (c->writing) {
        c->store->ops->rollback(c->store);
        c->writing = false;
        pthread_mutex_unlock(&c->m->writer);
    }
}

tg_err_t tg_call_refuse(tg_call_t *c, int status, const char *field, const char *fmt, ...) {
    char text[sizeof(c->fault.text)];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    c->status = status;
    return tg_fault(&c->fault, TG_ERR_INVALID, field, "%s", text);
}

int tg_call_error_status(tg_err_t err) {
    switch (err) {
    case TG_OK:
        return 200;
    case TG_ERR_INVALID:
    case TG_ERR_LIMIT:
        return 400;
    case TG_ERR_NOTFOUND:
        return 404;
    case TG_ERR_CONFLICT:
        return 409;
    case TG_ERR_AGAIN:
    case TG_ERR_NOMEM:
    case TG_ERR_UNAVAILABLE:
        return 503;
    case TG_ERR_BUG:
        break;
    }
    return 500;
}

void tg_call_put_to(tg_call_t *c, json_t *object, const char *name, json_t *value) {
    if (json_object_set_new(object, name, value) != 0) {
        c->failed = TG_ERR_NOMEM;
    }
}

void tg_call_put(tg_call_t *c, const char *name, json_t *value) {
    tg_call_put_to(c, c->answer, name, value);
}

void tg_call_append_to(tg_call_t *c, json_t *array, json_t *value) {
    if (json_array_append_new(array, value) != 0) {
        c->failed = TG_ERR_NOMEM;
    }
}

bool tg_call_query(const tg_call_t *c, const char *name, tg_str_t *value) {
    return tg_form_find(&c->query, tg_str(name), value) > 0;
}

json_t *tg_text(tg_str_t s) {
    return json_stringn(s.p ? s.p : "", s.n);
}

json_t *tg_text_or_null(tg_str_t s) {
    return s.n ? tg_text(s) : json_null();
}

json_t *tg_time(tg_ms_t at) {
    if (at == 0) {
        return json_null();
    }
    char mem[32];
    tg_buf_t b;
    tg_buf_init_fixed(&b, mem, sizeof(mem));
    tg_buf_put_iso8601(&b, at);
    return tg_text(tg_buf_str(&b));
}
