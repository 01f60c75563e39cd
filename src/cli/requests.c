/* `requests`: the log of what came to the token endpoints. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/place.h"
#include "cli/remote.h"
#include "cli/say.h"

#define LIMIT_DEFAULT 100
#define PAGE_MAX      1000
#define QUERY_MAX     2048
#define FOLLOW_MS     1000
#define CATCH_UP_MAX  100000 /* rows in one look of --follow */

static const tg_column_t columns[TG_COLUMNS_MAX] = {
    {"AT", "at"},     {"STATUS", "status"}, {"ENDPOINT", "endpoint"}, {"GRANT", "grantType"}, {"CLIENT", "clientId"},
    {"USER", "user"}, {"API", "proxyName"}, {"REASON", "reason"},     {"ADDRESS", "address"}, {"US", "durationMicros"}};

typedef struct {
    const tg_args_t *args;
    tg_output_t format;
    tg_remote_t client;
    char query[QUERY_MAX]; /* filters */
    int64_t limit;
} look_t;

/* ---- filters ---- */

static void filter_put(tg_buf_t *b, const char *name, tg_str_t value) {
    if (b->n)
        tg_buf_putc(b, '&');
    tg_buf_putf(b, "%s=", name);
    tg_buf_put_percent(b, value);
}

static void status_put(tg_buf_t *b, tg_str_t text) {
    tg_str_t to = text, from = tg_str_take(&to, '-');
    filter_put(b, "statusFrom", from);
    filter_put(b, "statusTo", to.n ? to : from);
}

static tg_err_t filters_write(look_t *l) {
    static const struct {
        tg_flag_t flag;
        const char *name;
    } filters[] = {{TG_FLAG_ENVIRONMENT, "environment"},
                   {TG_FLAG_PROJECT, "project"},
                   {TG_FLAG_PROXY, "proxy"},
                   {TG_FLAG_USER, "user"},
                   {TG_FLAG_CLIENT, "clientId"},
                   {TG_FLAG_ERROR, "error"},
                   {TG_FLAG_FROM, "from"},
                   {TG_FLAG_TO, "to"}};
    tg_buf_t b;
    tg_buf_init_fixed(&b, l->query, sizeof(l->query) - 1);
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
        if (l->args->value[filters[i].flag])
            filter_put(&b, filters[i].name, tg_str(l->args->value[filters[i].flag]));
    if (l->args->value[TG_FLAG_STATUS_CODE])
        status_put(&b, tg_str(l->args->value[TG_FLAG_STATUS_CODE]));
    l->query[b.n] = '\0';
    if (b.err)
        tg_say("the filters are too long");
    return b.err ? TG_ERR_INVALID : TG_OK;
}

/* ---- reading ---- */

static int64_t id_of(const json_t *row) {
    int64_t id = 0;
    tg_json_int(row, "id", &id);
    return id;
}

/* One page, newest first; *next is what `before` is to be, 0 at the end. */
static tg_err_t page_read(const look_t *l, int64_t before, int64_t size, json_t **answer, int64_t *next) {
    char path[QUERY_MAX + 128];
    int n = snprintf(path, sizeof(path), "/tokenRequests/?pageSize=%lld%s%s", (long long)size, l->query[0] ? "&" : "",
                     l->query);
    if (before)
        snprintf(path + n, sizeof(path) - (size_t)n, "&before=%lld", (long long)before);
    *next = 0;
    tg_err_t err = tg_remote_call(&l->client, "GET", path, NULL, answer);
    if (!err)
        tg_json_int(*answer, "next", next);
    return err;
}

/* Rows newer than `after`, at most `limit`, oldest first. */
static tg_err_t rows_read(const look_t *l, int64_t after, int64_t limit, json_t *rows) {
    int64_t before = 0;
    bool more = true;
    tg_err_t err = TG_OK;
    while (!err && more && json_array_size(rows) < (size_t)limit) {
        json_t *answer = NULL, *row;
        size_t i;
        int64_t left = limit - (int64_t)json_array_size(rows), size = left < PAGE_MAX ? left : PAGE_MAX;
        err = page_read(l, before, size, &answer, &before);
        more = before != 0;
        json_array_foreach(json_object_get(answer, "resultList"), i, row) {
            more = more && id_of(row) > after;
            if (!err && id_of(row) > after && json_array_insert(rows, 0, row) != 0)
                err = TG_ERR_NOMEM;
        }
        json_decref(answer);
    }
    return err;
}

/* ---- following ---- */

/* Columns of one width, so that what comes later stands under what came before. */
static tg_err_t line_print(const look_t *l, const json_t *row) {
    static const size_t widths[] = {24, 6, 10, 18, 26, 16, 16, 20, 15, 7};
    char mem[8192];
    tg_buf_t line;
    if (l->format == TG_OUTPUT_JSON || l->format == TG_OUTPUT_YAML) {
        char *text = json_dumps(row, JSON_COMPACT);
        printf("%s\n", text ? text : "");
        free(text);
        return fflush(stdout) == 0 ? TG_OK : TG_ERR_UNAVAILABLE;
    }
    tg_buf_init_fixed(&line, mem, sizeof(mem));
    for (size_t i = 0; i < sizeof(widths) / sizeof(widths[0]); i++) {
        size_t before = line.n;
        char cell[1024];
        tg_buf_t b;
        tg_buf_init_fixed(&b, cell, sizeof(cell));
        tg_cell_write(row, columns[i].path, &b);
        tg_buf_put(&line, tg_buf_str(&b));
        for (size_t w = tg_text_width(tg_strn(line.p + before, line.n - before)); w < widths[i] + 2; w++)
            tg_buf_putc(&line, ' ');
    }
    printf("%.*s\n", TG_STR_ARGS(tg_str_trim(tg_buf_str(&line))));
    return fflush(stdout) == 0 ? TG_OK : TG_ERR_UNAVAILABLE;
}

static tg_err_t rows_print(const look_t *l, const json_t *rows, int64_t *after) {
    json_t *row;
    size_t i;
    tg_err_t err = TG_OK;
    json_array_foreach(rows, i, row) {
        if (!err)
            err = line_print(l, row);
        *after = id_of(row) > *after ? id_of(row) : *after;
    }
    return err;
}

/* Until the reader goes away, or the manager does. */
static tg_err_t follow(const look_t *l) {
    int64_t after = 0, limit = l->limit;
    tg_err_t err = TG_OK;
    while (!err) {
        json_t *rows = json_array();
        err = rows_read(l, after, limit, rows);
        if (!err)
            err = rows_print(l, rows, &after);
        json_decref(rows);
        limit = CATCH_UP_MAX;
        nanosleep(&(struct timespec){FOLLOW_MS / 1000, FOLLOW_MS % 1000 * 1000000L}, NULL);
    }
    return err;
}

static tg_err_t look_init(look_t *l, const tg_args_t *a) {
    *l = (look_t){.args = a};
    tg_err_t err = tg_output_parse(a, &l->format);
    if (!err)
        err = tg_args_number(a, TG_FLAG_LIMIT, 1, CATCH_UP_MAX, LIMIT_DEFAULT, &l->limit);
    if (!err)
        err = filters_write(l);
    return err ? err : tg_remote_init(a, &l->client);
}

int tg_requests(const tg_args_t *a) {
    look_t l;
    json_t *rows = json_array();
    tg_err_t err = look_init(&l, a);
    if (!err && a->value[TG_FLAG_FOLLOW])
        err = follow(&l);
    else if (!err) {
        err = rows_read(&l, 0, l.limit, rows);
        if (!err)
            err = tg_output_rows(l.format, rows, rows, columns, "id");
    }
    json_decref(rows);
    tg_remote_release(&l.client);
    return tg_exit_of(err);
}
