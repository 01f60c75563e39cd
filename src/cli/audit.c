/* `audit verify`: the chain of the audit log (docs/decisions/0014-audit-chain.md), from the newest row to the oldest.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/b64.h"
#include "cli/backup_file.h"
#include "cli/commands.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "cli/scratch.h"
#include "cli/terminal.h"
#include "store/audit_chain.h"
#include "store/store.h"

#define PAGE_SIZE 1000
#define ROWS_MAX  ((size_t)1 << 30) /* bytes of one page of rows */

/* ---- the chain ---- */

typedef struct {
    int64_t rows, head;
    uint8_t head_hash[TG_AUDIT_HASH_LEN];
    int64_t newer; /* the row that was looked at before: the one behind */
    uint8_t newer_previous[TG_AUDIT_HASH_LEN];
    int64_t bad; /* the oldest row that fails; 0: none */
    char why[160];
    int64_t kept; /* --head; 0: none */
    uint8_t kept_hash[TG_AUDIT_HASH_LEN];
    bool kept_seen;
} chain_t;

static void fails(chain_t *c, int64_t seq, const char *why) {
    c->bad = seq;
    snprintf(c->why, sizeof(c->why), "%s", why);
}

static bool is_zero(const uint8_t hash[TG_AUDIT_HASH_LEN]) {
    static const uint8_t zero[TG_AUDIT_HASH_LEN];
    return memcmp(hash, zero, sizeof(zero)) == 0;
}

/* The next older row. What is older than the last failure is looked at all the same: the oldest failure is the one to
 * tell. */
static tg_err_t row_check(chain_t *c, const tg_audit_t *row) {
    uint8_t hash[TG_AUDIT_HASH_LEN];
    tg_err_t err = tg_audit_hash(row, hash);
    if (err)
        return err;
    if (c->newer && row->seq != c->newer - 1)
        fails(c, c->newer, "the row before it is missing");
    else if (c->newer && memcmp(c->newer_previous, row->hash, sizeof(row->hash)) != 0)
        fails(c, c->newer, "its previousHash is not the hash of the row before it");
    if (memcmp(hash, row->hash, sizeof(hash)) != 0)
        fails(c, row->seq, "its hash is not the hash of what it says");
    if (row->seq == c->kept) {
        c->kept_seen = true;
        if (memcmp(c->kept_hash, row->hash, sizeof(row->hash)) != 0)
            fails(c, row->seq, "its hash is another one than was kept");
    }
    if (c->rows++ == 0) {
        c->head = row->seq;
        memcpy(c->head_hash, row->hash, sizeof(row->hash));
    }
    c->newer = row->seq;
    memcpy(c->newer_previous, row->previous, sizeof(row->previous));
    return TG_OK;
}

static void end_check(chain_t *c) {
    if (c->rows > 0 && c->newer != 1)
        fails(c, c->newer, "the row before it is missing");
    else if (c->rows > 0 && !is_zero(c->newer_previous))
        fails(c, c->newer, "it is the first, and its previousHash is not zero");
    if (c->kept && !c->kept_seen && !c->bad)
        fails(c, c->kept, "it was there, and is missing");
}

/* ---- rows of the API ---- */

static bool hash_take(const json_t *row, const char *name, uint8_t out[TG_AUDIT_HASH_LEN]) {
    size_t n = 0;
    return tg_hex_decode(tg_json_str(row, name), out, TG_AUDIT_HASH_LEN, &n) == TG_OK && n == TG_AUDIT_HASH_LEN;
}

static tg_err_t state_take(const json_t *value, tg_buf_t *text, tg_str_t *out) {
    if (!value || json_is_null(value))
        return TG_OK;
    tg_err_t err = tg_json_write(value, text);
    *out = tg_buf_str(text);
    return err;
}

static tg_err_t event_check(chain_t *c, const json_t *event) {
    tg_audit_t row = {
        .who = tg_json_str(event, "who"), .what = tg_json_str(event, "what"), .project = tg_json_str(event, "project")};
    tg_buf_t before, after;
    if (!tg_json_int(event, "id", &row.seq) || tg_iso8601_parse(tg_json_str(event, "at"), &row.at) ||
        !hash_take(event, "hash", row.hash) || !hash_take(event, "previousHash", row.previous)) {
        tg_say("the manager's audit log has no chain of hashes");
        return TG_ERR_INVALID;
    }
    if (c->newer && row.seq >= c->newer) {
        tg_say("the manager's answer is out of order at row %" PRId64, row.seq);
        return TG_ERR_INVALID;
    }
    tg_buf_init(&before, ROWS_MAX);
    tg_buf_init(&after, ROWS_MAX);
    tg_err_t err = state_take(json_object_get(event, "before"), &before, &row.before);
    if (!err)
        err = state_take(json_object_get(event, "after"), &after, &row.after);
    if (!err)
        err = row_check(c, &row);
    tg_buf_release(&before);
    tg_buf_release(&after);
    return err;
}

static tg_err_t api_walk(const tg_args_t *a, chain_t *c) {
    tg_remote_t client;
    tg_err_t err = tg_remote_init(a, &client);
    bool more = !err;
    while (!err && more) {
        char path[128];
        json_t *answer = NULL, *event;
        size_t i;
        int n = snprintf(path, sizeof(path), "/auditEvents/?pageSize=%d", PAGE_SIZE);
        if (c->newer)
            snprintf(path + n, sizeof(path) - (size_t)n, "&before=%" PRId64, c->newer);
        err = tg_remote_call(&client, "GET", path, NULL, &answer);
        json_array_foreach(json_object_get(answer, "resultList"), i, event) {
            err = err ? err : event_check(c, event);
        }
        more = json_array_size(json_object_get(answer, "resultList")) == PAGE_SIZE;
        tg_progress("%" PRId64 " rows", c->rows);
        json_decref(answer);
    }
    tg_progress_end();
    tg_remote_release(&client);
    return err;
}

/* ---- rows of a backup ---- */

static void quiet(const char *name, long long done, long long all) {
    (void)name;
    (void)done;
    (void)all;
}

static tg_err_t page_check(tg_config_store_t *store, chain_t *c, bool *more) {
    tg_arena_t arena;
    tg_audit_t *rows = NULL;
    size_t n = 0;
    tg_arena_init(&arena, ROWS_MAX);
    tg_err_t err = store->ops->audit_list(store, c->newer, PAGE_SIZE, &arena, &rows, &n);
    for (size_t i = 0; !err && i < n; i++)
        err = row_check(c, &rows[i]);
    *more = n == PAGE_SIZE;
    tg_arena_release(&arena);
    return err;
}

static tg_err_t store_walk(const char *folder, chain_t *c) {
    char uri[PATH_MAX + 8];
    tg_fault_t fault = {"", ""};
    tg_config_store_t *store;
    bool more = true;
    snprintf(uri, sizeof(uri), "sqlite:%s", folder);
    tg_err_t err = tg_config_store_open(tg_str(uri), &(tg_store_options_t){0}, &store, &fault);
    if (err) {
        tg_say("%s", fault.text);
        return err;
    }
    while (!err && more)
        err = page_check(store, c, &more);
    store->ops->close(store);
    if (err)
        tg_say("the audit log of the backup cannot be read");
    return err;
}

static tg_err_t backup_walk(const char *file, chain_t *c) {
    tg_scratch_t work;
    json_t *header = NULL;
    tg_err_t err = tg_scratch_make(&work, "/tmp/tollgate");
    if (err)
        return err;
    err = tg_archive_read(file, work.path, "", "config.db", &header, quiet);
    if (!err)
        err = store_walk(work.path, c);
    json_decref(header);
    tg_scratch_remove(&work);
    return err;
}

/* ---- the command ---- */

static tg_err_t kept_take(const char *text, chain_t *c) {
    tg_str_t hash = tg_str(text), seq = tg_str_take(&hash, ':');
    uint64_t n = 0;
    size_t length = 0;
    if (!text)
        return TG_OK;
    if (!tg_str_to_u64(seq, INT64_MAX, &n) || n == 0 ||
        tg_hex_decode(hash, c->kept_hash, sizeof(c->kept_hash), &length) || length != sizeof(c->kept_hash)) {
        tg_say("--head: must be SEQ:HASH, as an earlier check printed it");
        return TG_ERR_INVALID;
    }
    c->kept = (int64_t)n;
    return TG_OK;
}

static tg_err_t result_show(const chain_t *c, tg_output_t format) {
    char head[2 * TG_AUDIT_HASH_LEN + 1];
    head[tg_hex_encode(tg_strn(c->head_hash, sizeof(c->head_hash)), head)] = '\0';
    if (format == TG_OUTPUT_JSON || format == TG_OUTPUT_YAML) {
        json_t *o =
            json_pack("{s:b,s:I,s:I,s:s,s:o,s:o}", "whole", c->bad == 0, "rows", (json_int_t)c->rows, "head",
                      (json_int_t)c->head, "hash", head, "firstBad", c->bad ? json_integer(c->bad) : json_null(), "why",
                      c->bad ? json_string(c->why) : json_null());
        tg_err_t err = o ? tg_output_value(format, o) : TG_ERR_NOMEM;
        json_decref(o);
        return err;
    }
    if (!c->bad)
        printf("whole: %" PRId64 " rows\nhead %" PRId64 ":%s\n", c->rows, c->head, head);
    return TG_OK;
}

int tg_audit_verify(const tg_args_t *a) {
    chain_t c = {0};
    tg_output_t format;
    tg_err_t err = tg_output_parse(a, &format);
    if (!err)
        err = kept_take(a->value[TG_FLAG_HEAD], &c);
    if (!err)
        err = a->n_operands > 0 ? backup_walk(a->operands[0], &c) : api_walk(a, &c);
    if (err)
        return TG_EXIT_FAILED;
    end_check(&c);
    err = result_show(&c, format);
    if (c.bad)
        tg_say("the chain is broken at row %" PRId64 ": %s", c.bad, c.why);
    return tg_exit_of(err ? err : c.bad ? TG_ERR_INVALID : TG_OK);
}
