#include "store/node.h"

#include "base/json.h"

void tg_node_workers_write(const tg_node_t *n, tg_buf_t *out) {
    tg_buf_putc(out, '[');
    for (size_t i = 0; i < n->n_workers; i++) {
        const tg_node_worker_t *w = &n->workers[i];
        tg_buf_putf(out, "%s{\"pid\":%d,\"revision\":%lld,\"error\":", i > 0 ? "," : "", w->pid,
                    (long long)w->revision);
        tg_buf_put_json(out, w->error);
        tg_buf_putc(out, '}');
    }
    tg_buf_putc(out, ']');
}

static tg_err_t worker_read(const json_t *object, tg_arena_t *arena, tg_node_worker_t *out) {
    int64_t pid;
    if (!tg_json_int(object, "pid", &pid) || !tg_json_int(object, "revision", &out->revision)) {
        return TG_ERR_BUG;
    }
    out->pid = (int)pid;
    return tg_arena_str(arena, tg_json_str(object, "error"), &out->error) ? TG_OK : TG_ERR_NOMEM;
}

tg_err_t tg_node_workers_read(tg_str_t text, tg_arena_t *arena, tg_node_t *out) {
    json_t *list;
    tg_err_t err = tg_json_parse(text, TG_NODE_WORKERS_MAX, 4, &list, NULL);
    if (err != TG_OK) {
        return err == TG_ERR_NOMEM ? err : TG_ERR_BUG;
    }
    size_t n = json_array_size(list);
    out->workers = tg_arena_array(arena, n > 0 ? n : 1, sizeof(tg_node_worker_t));
    if (out->workers == NULL) {
        err = TG_ERR_NOMEM;
    }
    for (size_t i = 0; i < n && err == TG_OK; i++) {
        err = worker_read(json_array_get(list, i), arena, &out->workers[i]);
    }
    out->n_workers = err == TG_OK ? n : 0;
    json_decref(list);
    return err;
}
