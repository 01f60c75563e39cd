/* `nodes`: who serves what. `drain`: taking one of them out of service. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/commands.h"
#include "cli/kinds.h"
#include "cli/place.h"
#include "cli/remote.h"
#include "cli/say.h"

#define WAIT_MAX_S 86400
#define LOOK_MS    500

static tg_err_t environment_nodes(const tg_remote_t *c, tg_str_t environment, json_t *rows) {
    char path[TG_PATH_MAX];
    tg_buf_t b;
    json_t *nodes = NULL;
    tg_buf_init_fixed(&b, path, sizeof(path) - 1);
    tg_buf_put(&b, TG_STR("/environments/"));
    tg_buf_put_percent(&b, environment);
    tg_buf_put(&b, TG_STR("/nodes/"));
    path[b.n] = '\0';
    tg_err_t err = b.err ? TG_ERR_INVALID : tg_remote_list(c, path, NULL, 0, &nodes);
    if (!err && json_array_extend(rows, nodes) != 0)
        err = TG_ERR_NOMEM;
    json_decref(nodes);
    return err;
}

static tg_err_t all_nodes(const tg_remote_t *c, json_t *rows) {
    json_t *environments = NULL, *environment;
    size_t i;
    tg_err_t err = tg_remote_list(c, "/environments/", NULL, 0, &environments);
    json_array_foreach(environments, i, environment) {
        if (!err)
            err = environment_nodes(c, tg_json_str(environment, "name"), rows);
    }
    json_decref(environments);
    return err;
}

/* Of every environment, or of those that -e names. */
static tg_err_t nodes_read(const tg_args_t *a, const tg_remote_t *c, json_t *rows) {
    tg_str_t names = tg_str(a->value[TG_FLAG_ENVIRONMENT]);
    tg_err_t err = names.n == 0 ? all_nodes(c, rows) : TG_OK;
    while (!err && names.n)
        err = environment_nodes(c, tg_str_take(&names, ','), rows);
    return err;
}

int tg_nodes(const tg_args_t *a) {
    tg_remote_t client = {0};
    tg_output_t format;
    json_t *rows = json_array();
    tg_err_t err = tg_output_parse(a, &format);
    if (!err)
        err = tg_remote_init(a, &client);
    if (!err)
        err = nodes_read(a, &client, rows);
    if (!err)
        err = tg_output_rows(format, rows, rows, tg_kind_find("nodes")->columns, "nodeId");
    json_decref(rows);
    tg_remote_release(&client);
    return tg_exit_of(err);
}

/* ---- drain ---- */

typedef struct {
    const tg_args_t *args;
    tg_remote_t client;
    char id[65], path[TG_PATH_MAX]; /* path: .../nodes/ID/drain/ */
    int64_t wait_s;                 /* 0: does not wait */
    bool cancel;
} drain_t;

static bool node_is(const json_t *row, tg_str_t wanted) {
    tg_str_t id = tg_json_str(row, "nodeId");
    return (wanted.n <= id.n && memcmp(id.p, wanted.p, wanted.n) == 0) ||
           tg_str_eq(tg_json_str(row, "address"), wanted);
}

/* A new reference to the one node with this id, beginning of an id, or address. */
static tg_err_t node_find(const drain_t *d, const char *wanted, json_t **out) {
    json_t *rows = json_array(), *row, *found = NULL;
    size_t i, n = 0;
    tg_err_t err = nodes_read(d->args, &d->client, rows);
    json_array_foreach(rows, i, row) {
        if (node_is(row, tg_str(wanted))) {
            found = row;
            n++;
        }
    }
    if (!err && n != 1) {
        tg_say(n ? "%s: more than one live node is meant; tollgate nodes shows them"
                 : "%s: there is no such live node; tollgate nodes shows them",
               wanted);
        err = n ? TG_ERR_INVALID : TG_ERR_NOTFOUND;
    }
    *out = err ? NULL : json_incref(found);
    json_decref(rows);
    return err;
}

static tg_err_t drain_place(drain_t *d) {
    json_t *row = NULL;
    tg_buf_t b;
    tg_err_t err = node_find(d, d->args->operands[0], &row);
    if (err)
        return err;
    tg_str_t id = tg_json_str(row, "nodeId"), environment = tg_json_str(row, "environmentName");
    snprintf(d->id, sizeof(d->id), "%.*s", TG_STR_ARGS(id));
    tg_buf_init_fixed(&b, d->path, sizeof(d->path) - 1);
    tg_buf_put(&b, TG_STR("/environments/"));
    tg_buf_put_percent(&b, environment);
    tg_buf_put(&b, TG_STR("/nodes/"));
    tg_buf_put_percent(&b, id);
    tg_buf_put(&b, TG_STR("/drain/"));
    d->path[b.n] = '\0';
    err = b.err;
    json_decref(row);
    return err;
}

/* Does what was asked hold: it drains and nothing is under way, or it serves again? A node that is gone has drained. */
static bool drain_is_done(const drain_t *d, const json_t *row) {
    bool draining = tg_str_eq(tg_json_str(row, "state"), TG_STR("DRAINING"));
    int64_t requests = 0;
    if (d->cancel)
        return row && !draining;
    return !row || (draining && tg_json_int(row, "requestsInFlight", &requests) && requests == 0);
}

static tg_err_t drain_look(const drain_t *d, json_t **out) {
    json_t *rows = json_array(), *row;
    size_t i;
    *out = NULL;
    tg_err_t err = nodes_read(d->args, &d->client, rows);
    json_array_foreach(rows, i, row) {
        if (!err && tg_str_eq(tg_json_str(row, "nodeId"), tg_str(d->id)))
            *out = row;
    }
    json_incref(*out);
    json_decref(rows);
    return err;
}

static int64_t now_s(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec;
}

static tg_err_t drain_wait(const drain_t *d) {
    const struct timespec pause = {LOOK_MS / 1000, LOOK_MS % 1000 * 1000000L};
    int64_t end = now_s() + d->wait_s;
    for (;;) {
        json_t *row = NULL;
        int64_t requests = 0;
        tg_err_t err = drain_look(d, &row);
        bool done = !err && drain_is_done(d, row);
        tg_json_int(row, "requestsInFlight", &requests);
        json_decref(row);
        if (err || done)
            return err;
        if (now_s() >= end) {
            tg_say("%s: not within %lld s; %lld requests are under way", d->id, (long long)d->wait_s,
                   (long long)requests);
            return TG_ERR_UNAVAILABLE;
        }
        nanosleep(&pause, NULL);
    }
}

static tg_err_t drain_show(const drain_t *d, tg_output_t format) {
    json_t *rows = json_array(), *row = NULL;
    tg_err_t err = drain_look(d, &row);
    if (!err && row && json_array_append(rows, row) != 0)
        err = TG_ERR_NOMEM;
    if (!err)
        err = tg_output_rows(format, rows, rows, tg_kind_find("nodes")->columns, "nodeId");
    json_decref(row);
    json_decref(rows);
    return err;
}

int tg_drain(const tg_args_t *a) {
    drain_t d = {.args = a, .cancel = a->value[TG_FLAG_CANCEL] != NULL};
    tg_output_t format;
    json_t *answer = NULL;
    tg_err_t err = tg_output_parse(a, &format);
    if (!err)
        err = tg_args_number(a, TG_FLAG_WAIT, 1, WAIT_MAX_S, 0, &d.wait_s);
    if (!err)
        err = tg_remote_init(a, &d.client);
    if (!err)
        err = drain_place(&d);
    if (!err)
        err = tg_remote_call(&d.client, d.cancel ? "DELETE" : "POST", d.path, NULL, &answer);
    if (!err && d.wait_s)
        err = drain_wait(&d);
    if (!err)
        err = drain_show(&d, format);
    json_decref(answer);
    tg_remote_release(&d.client);
    return tg_exit_of(err);
}
