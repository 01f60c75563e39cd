/* /auditEvents/: who changed what, newest first, narrowed by who, what, q, from, to. */
#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/paging.h"

#define BATCH 500

typedef struct {
    tg_str_t who, what, q;
    tg_ms_t from, to; /* 0: open */
} filter_t;

static tg_err_t moment_take(tg_call_t *c, const char *name, tg_ms_t *out) {
    tg_str_t text;
    *out = 0;
    if (!tg_call_query(c, name, &text)) {
        return TG_OK;
    }
    return tg_iso8601_parse(text, out) ? tg_fault(&c->fault, TG_ERR_INVALID, name, "must be like 2026-11-23T17:00:00Z")
                                       : TG_OK;
}

static tg_err_t filter_take(tg_call_t *c, const tg_paging_t *page, filter_t *f) {
    memset(f, 0, sizeof(*f));
    f->q = page->q;
    tg_call_query(c, "who", &f->who);
    tg_call_query(c, "what", &f->what);
    tg_err_t err = moment_take(c, "from", &f->from);
    return err ? err : moment_take(c, "to", &f->to);
}

static bool contains(tg_str_t s, tg_str_t part) {
    return part.n == 0 || (s.n > 0 && memmem(s.p, s.n, part.p, part.n) != NULL);
}

static bool fits(const filter_t *f, const tg_audit_t *row) {
    return (f->who.n == 0 || tg_str_eq(f->who, row->who)) && contains(row->what, f->what) &&
           (contains(row->what, f->q) || contains(row->who, f->q)) && (f->from == 0 || row->at >= f->from) &&
           (f->to == 0 || row->at < f->to);
}

static json_t *doc_or_null(tg_str_t text) {
    json_t *doc = NULL;
    if (text.n == 0) {
        return json_null();
    }
    return tg_doc_parse(text, &doc) == TG_OK ? doc : NULL;
}

static json_t *event_show(tg_call_t *c, const tg_audit_t *row) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "id", json_integer(row->seq));
    tg_call_put_to(c, o, "at", tg_time(row->at));
    tg_call_put_to(c, o, "who", tg_text(row->who));
    tg_call_put_to(c, o, "what", tg_text(row->what));
    tg_call_put_to(c, o, "before", doc_or_null(row->before));
    tg_call_put_to(c, o, "after", doc_or_null(row->after));
    return o;
}

/* Rows come newest first, so what is older than `from` ends the walk. */
static tg_err_t batch_walk(tg_call_t *c, const filter_t *f, const tg_paging_t *page, int64_t *before, json_t *list,
                           int64_t *total, bool *more) {
    tg_arena_t a;
    tg_audit_t *rows = NULL;
    size_t n = 0;
    tg_arena_init(&a, 256 << 20);
    tg_err_t err = c->store->ops->audit_list(c->store, *before, BATCH, &a, &rows, &n);
    for (size_t i = 0; !err && i < n; i++) {
        if (fits(f, &rows[i])) {
            if (*total >= page->offset && *total < page->offset + page->size) {
                tg_call_append_to(c, list, event_show(c, &rows[i]));
            }
            (*total)++;
        }
        *before = rows[i].seq;
    }
    *more = !err && n == BATCH && (f->from == 0 || rows[n - 1].at >= f->from);
    tg_arena_release(&a);
    return err;
}

tg_err_t tg_audit_list(tg_call_t *c) {
    tg_paging_t page;
    filter_t filter;
    int64_t before = 0, total = 0;
    bool more = true;
    tg_err_t err = tg_paging_parse(c, &page);
    if (!err) {
        err = filter_take(c, &page, &filter);
    }
    if (err) {
        return err;
    }
    json_t *list = json_array();
    while (!err && more) {
        err = batch_walk(c, &filter, &page, &before, list, &total, &more);
    }
    tg_paging_put(c, &page, list, total);
    return err;
}
