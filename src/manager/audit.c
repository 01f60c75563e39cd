/* /auditEvents/: who changed what and what was refused, newest first, narrowed by who, what, project, q, from, to. */
#include "base/b64.h"
#include "manager/bodies.h"
#include "manager/handlers.h"
#include "manager/paging.h"
#include "manager/queries.h"

#define BATCH 500

typedef struct {
    tg_str_t who, what, project, q;
    tg_ms_t from, to; /* 0: open */
    int64_t before;   /* a number; 0: from the top, with a total */
    bool partial;     /* of these projects only */
    tg_str_t *seen;
    size_t n_seen;
} filter_t;

typedef struct {
    int64_t at;    /* rows before this number come next */
    int64_t total; /* that fit, so far */
    bool more;
    json_t *list;
} walk_t;

static tg_err_t seen_read(tg_call_t *c, filter_t *f) {
    f->seen = tg_arena_array(&c->arena, c->rights.n_projects + 1, sizeof(*f->seen));
    tg_err_t err = f->seen == NULL ? TG_ERR_NOMEM : TG_OK;
    for (size_t i = 0; !err && i < c->rights.n_projects; i++) {
        tg_resource_t project;
        err = c->store->ops->resource_get(c->store, c->rights.projects[i].project_id, &c->arena, &project);
        if (!err) {
            f->seen[f->n_seen++] = project.name;
        }
        err = err == TG_ERR_NOTFOUND ? TG_OK : err;
    }
    return err;
}

static tg_err_t filter_take(tg_call_t *c, const tg_paging_t *page, filter_t *f) {
    *f = (filter_t){.q = page->q,
                    .who = tg_param_text(c, "who"),
                    .what = tg_param_text(c, "what"),
                    .project = tg_param_text(c, "project"),
                    .from = tg_param_moment(c, "from"),
                    .to = tg_param_moment(c, "to"),
                    .before = tg_param_number(c, "before", 0),
                    .partial = tg_permission_is_partial(c)};
    if (f->before > 0 && page->page > 1) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "page", "goes without before");
    }
    return f->partial ? seen_read(c, f) : TG_OK;
}

static bool contains(tg_str_t s, tg_str_t part) {
    return part.n == 0 || (s.n > 0 && memmem(s.p, s.n, part.p, part.n) != NULL);
}

static bool is_seen(const filter_t *f, const tg_audit_t *row) {
    for (size_t i = 0; i < f->n_seen; i++) {
        if (tg_str_eq(f->seen[i], row->project)) {
            return true;
        }
    }
    return !f->partial;
}

static bool fits(const filter_t *f, const tg_audit_t *row) {
    return is_seen(f, row) && (f->project.n == 0 || tg_str_eq(f->project, row->project)) &&
           (f->who.n == 0 || tg_str_eq(f->who, row->who)) && contains(row->what, f->what) &&
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

static json_t *hash_show(const uint8_t hash[TG_AUDIT_HASH_LEN]) {
    char hex[2 * TG_AUDIT_HASH_LEN];
    tg_hex_encode(tg_strn((const char *)hash, TG_AUDIT_HASH_LEN), hex);
    return tg_text(tg_strn(hex, sizeof(hex)));
}

static json_t *event_show(tg_call_t *c, const tg_audit_t *row) {
    json_t *o = json_object();
    tg_call_put_to(c, o, "id", json_integer(row->seq));
    tg_call_put_to(c, o, "at", tg_time(row->at));
    tg_call_put_to(c, o, "who", tg_text(row->who));
    tg_call_put_to(c, o, "what", tg_text(row->what));
    tg_call_put_to(c, o, "project", tg_text_or_null(row->project));
    tg_call_put_to(c, o, "before", doc_or_null(row->before));
    tg_call_put_to(c, o, "after", doc_or_null(row->after));
    tg_call_put_to(c, o, "previousHash", hash_show(row->previous));
    tg_call_put_to(c, o, "hash", hash_show(row->hash));
    return o;
}

static void row_take(tg_call_t *c, const filter_t *f, const tg_paging_t *page, const tg_audit_t *row, walk_t *w) {
    int64_t offset = f->before > 0 ? 0 : page->offset;
    if (!fits(f, row)) {
        return;
    }
    if (w->total >= offset && w->total < offset + page->size) {
        tg_call_append_to(c, w->list, event_show(c, row));
    }
    w->total++;
}

/* Rows come newest first, so what is older than `from` ends the walk. Without a total it ends with the page. */
static tg_err_t batch_walk(tg_call_t *c, const filter_t *f, const tg_paging_t *page, walk_t *w) {
    tg_arena_t a;
    tg_audit_t *rows = NULL;
    size_t n = 0, i = 0;
    tg_arena_init(&a, 256 << 20);
    tg_err_t err = c->store->ops->audit_list(c->store, w->at, BATCH, &a, &rows, &n);
    while (!err && i < n && (f->before == 0 || w->total < page->size)) {
        row_take(c, f, page, &rows[i], w);
        w->at = rows[i++].seq;
    }
    w->more = !err && i == n && n == BATCH && (f->from == 0 || rows[n - 1].at >= f->from);
    tg_arena_release(&a);
    return err;
}

/* "next" is what `before` must be to go on; null at the end. With `before`, resultCount is of this answer alone. */
static void page_put(tg_call_t *c, const filter_t *f, const tg_paging_t *page, const walk_t *w) {
    size_t n = json_array_size(w->list);
    int64_t last = 0;
    bool full = n == (size_t)page->size && tg_json_int(json_array_get(w->list, n - 1), "id", &last) && last > 1;
    tg_call_put(c, "next", full ? json_integer(last) : json_null());
    if (f->before > 0) {
        tg_call_put(c, "resultList", w->list);
        tg_call_put(c, "resultCount", json_integer((json_int_t)n));
        return;
    }
    tg_paging_put(c, page, w->list, w->total);
}

tg_err_t tg_audit_list(tg_call_t *c) {
    tg_paging_t page = tg_paging(c);
    filter_t filter;
    tg_err_t err = filter_take(c, &page, &filter);
    if (err) {
        return err;
    }
    walk_t walk = {.at = filter.before, .more = true, .list = json_array()};
    while (!err && walk.more) {
        err = batch_walk(c, &filter, &page, &walk);
    }
    page_put(c, &filter, &page, &walk);
    return err;
}

tg_err_t tg_audit_head(tg_call_t *c) {
    static const uint8_t none[TG_AUDIT_HASH_LEN];
    tg_audit_t *rows = NULL;
    size_t n = 0;
    tg_err_t err = c->store->ops->audit_list(c->store, 0, 1, &c->arena, &rows, &n);
    if (err) {
        return err;
    }
    json_t *o = json_object();
    tg_call_put_to(c, o, "seq", json_integer(n > 0 ? rows[0].seq : 0));
    tg_call_put_to(c, o, "hash", hash_show(n > 0 ? rows[0].hash : none));
    tg_call_put(c, "result", o);
    return TG_OK;
}
