/* `get`, `create`, `update`, `delete`: one way for all kinds. */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/input.h"
#include "cli/output.h"
#include "cli/place.h"
#include "cli/remote.h"
#include "cli/say.h"
#include "cli/suggest.h"
#include "cli/terminal.h"

typedef struct {
    const tg_args_t *args;
    const tg_kind_t *kind;
    const char *name; /* NULL: none given */
    tg_output_t format;
    tg_remote_t client;
} call_t;

static tg_err_t call_init(call_t *c, const tg_args_t *a) {
    *c = (call_t){.args = a, .kind = tg_kind_find(a->operands[0])};
    c->name = a->n_operands > 1 ? a->operands[1] : NULL;
    if (!c->kind)
        return TG_ERR_INVALID;
    tg_err_t err = tg_output_parse(a, &c->format);
    return err ? err : tg_remote_init(a, &c->client);
}

static tg_err_t refuse_call(const call_t *c, const char *verb) {
    tg_say("%s: there is no %s of this kind (tollgate %s --help)", c->kind->name, verb, c->args->command->name);
    return TG_ERR_INVALID;
}

/* After "there is no ...": the name that was meant, if the list holds one like it. */
static void near_say(const call_t *c) {
    char path[TG_PATH_MAX];
    json_t *rows = NULL, *row;
    size_t i;
    if (!c->kind->list || !c->kind->name_field || !c->name || strstr(c->kind->list, "{name}") ||
        tg_place_write(c->args, c->kind->list, NULL, path) || tg_remote_list(&c->client, path, NULL, 1000, &rows))
        return;
    tg_suggestion_t near = tg_suggestion_start(c->name);
    json_array_foreach(rows, i, row) {
        const char *there = json_string_value(json_object_get(row, c->kind->name_field));
        if (there)
            tg_suggestion_try(&near, there);
    }
    if (near.name)
        tg_say("did you mean %s?", near.name);
    json_decref(rows);
}

static tg_err_t object_call(const call_t *c, const char *method, const char *template, const json_t *body,
                            json_t **answer) {
    char path[TG_PATH_MAX];
    *answer = NULL;
    tg_err_t err = tg_place_write(c->args, template, c->name, path);
    if (!err)
        err = tg_remote_call(&c->client, method, path, body, answer);
    if (err == TG_ERR_NOTFOUND)
        near_say(c);
    return err;
}

/* ---- get ---- */

/* What the list leaves out stands in no row: kinds without a call for one object are looked up in it. */
static tg_err_t row_pick(const call_t *c, json_t *rows, json_t **out) {
    json_t *row;
    size_t i;
    const char *name = c->name ? c->name : "", *field = c->kind->name_field ? c->kind->name_field : "name";
    tg_suggestion_t near = tg_suggestion_start(name);
    json_array_foreach(rows, i, row) {
        char text[512];
        tg_buf_t b;
        tg_buf_init_fixed(&b, text, sizeof(text) - 1);
        tg_cell_write(row, field, &b);
        text[b.n] = '\0';
        if (strcmp(text, name) == 0) {
            *out = json_incref(row);
            return TG_OK;
        }
        if (json_is_string(json_object_get(row, field)))
            tg_suggestion_try(&near, json_string_value(json_object_get(row, field)));
    }
    tg_say("there is no %s \"%s\"%s%s%s", c->kind->one, name, near.name ? "; did you mean " : "",
           near.name ? near.name : "", near.name ? "?" : "");
    return TG_ERR_NOTFOUND;
}

static tg_err_t list_read(const call_t *c, json_t **rows) {
    char path[TG_PATH_MAX], query[1024] = "";
    int64_t limit;
    const char *search = c->args->value[TG_FLAG_SEARCH];
    tg_err_t err = tg_args_number(c->args, TG_FLAG_LIMIT, 1, 1000000, 0, &limit);
    if (!err && search && !c->kind->search)
        err = refuse_call(c, "search");
    if (!err)
        err = tg_place_write(c->args, c->kind->list, c->name, path);
    if (!err && search) {
        tg_buf_t b;
        tg_buf_init_fixed(&b, query, sizeof(query) - 1);
        tg_buf_put(&b, TG_STR("q="));
        tg_buf_put_percent(&b, tg_str(search));
        query[b.n] = '\0';
    }
    return err ? err : tg_remote_list(&c->client, path, query, limit, rows);
}

static tg_err_t list_show(const call_t *c) {
    json_t *rows = NULL;
    tg_err_t err = list_read(c, &rows);
    if (!err)
        err = tg_output_rows(c->format, rows, rows, c->kind->columns,
                             c->kind->name_field ? c->kind->name_field : c->kind->columns[0].path);
    json_decref(rows);
    return err;
}

static tg_err_t one_read(const call_t *c, json_t **out) {
    json_t *answer = NULL, *rows = NULL;
    if (!c->kind->item || c->kind->quirk == TG_KIND_DELETE_ONLY) {
        tg_err_t err = list_read(c, &rows);
        if (!err)
            err = row_pick(c, rows, out);
        json_decref(rows);
        return err;
    }
    tg_err_t err = object_call(c, "GET", c->kind->item, NULL, &answer);
    *out = json_incref(json_object_get(answer, "result"));
    json_decref(answer);
    if (!err && !*out) {
        tg_say("the manager's answer holds no result");
        err = TG_ERR_UNAVAILABLE;
    }
    return err;
}

static tg_err_t one_show(const call_t *c) {
    json_t *object = NULL;
    tg_err_t err = one_read(c, &object);
    if (!err && c->format == TG_OUTPUT_TABLE)
        err = tg_output_object(object);
    else if (!err && c->format == TG_OUTPUT_NAME)
        printf("%s\n", c->name ? c->name : c->kind->name);
    else if (!err)
        err = tg_output_value(c->format, object);
    json_decref(object);
    return err;
}

int tg_get(const tg_args_t *a) {
    call_t c;
    tg_err_t err = call_init(&c, a);
    bool list_takes_name = !err && c.kind->list && strstr(c.kind->list, "{name}");
    if (!err)
        err = (c.name && !list_takes_name) || !c.kind->list ? one_show(&c) : list_show(&c);
    tg_remote_release(&c.client);
    return tg_exit_of(err);
}

/* ---- create, update ---- */

static tg_err_t body_read(const call_t *c, bool may_be_none, json_t **out) {
    const char *file = c->args->value[TG_FLAG_FILE];
    if (file)
        return tg_input_document(file, out);
    if (!may_be_none) {
        tg_say("what shall it be? Say -f FILE (YAML or JSON; - is the standard input)");
        return TG_ERR_INVALID;
    }
    *out = json_object();
    return *out ? TG_OK : TG_ERR_NOMEM;
}

/* The name on the command line and that in the body must be one. */
static tg_err_t name_settle(call_t *c, json_t *body) {
    if (!c->kind->name_field || c->kind->quirk == TG_KIND_BY_NAME) {
        if (c->name)
            return TG_OK;
        tg_say("a name is needed: tollgate create %s NAME", c->kind->name);
        return TG_ERR_INVALID;
    }
    const char *there = json_string_value(json_object_get(body, c->kind->name_field));
    if (c->name && there && strcmp(c->name, there) != 0) {
        tg_say("%s: is \"%s\" in the file and \"%s\" on the command line", c->kind->name_field, there, c->name);
        return TG_ERR_INVALID;
    }
    if (c->name && !there && json_object_set_new(body, c->kind->name_field, json_string(c->name)) != 0) {
        tg_say("%s: must be UTF-8", c->kind->name_field);
        return TG_ERR_INVALID;
    }
    return TG_OK;
}

/* Generated secrets stand in no later answer: they are shown whatever the format is. */
static void secrets_print(const json_t *answer) {
    static const char *const names[] = {"clientId", "clientSecret", "password", "secret"};
    const json_t *key = json_object_get(answer, "applicationKey"), *from = key ? key : answer;
    const char *id = json_string_value(json_object_get(json_object_get(answer, "result"), "id"));
    bool secret = false;
    if (id)
        printf("id: %s\n", id);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = json_string_value(json_object_get(from, names[i]));
        if (value)
            printf("%s: %s\n", names[i], value);
        secret = secret || (value && i > 0);
    }
    if (secret)
        printf("This secret is not shown again.\n");
}

static tg_err_t written_show(const call_t *c, const json_t *answer, const char *done) {
    const json_t *result = json_object_get(answer, "result");
    const char *name = c->kind->name_field ? json_string_value(json_object_get(result, c->kind->name_field)) : NULL;
    if (!name)
        name = c->name ? c->name : c->kind->name;
    if (c->format == TG_OUTPUT_JSON || c->format == TG_OUTPUT_YAML)
        return tg_output_value(c->format, answer);
    if (c->format == TG_OUTPUT_NAME) {
        printf("%s\n", name);
        return TG_OK;
    }
    printf("%s %s %s\n", c->kind->one, name, done);
    secrets_print(answer);
    return TG_OK;
}

int tg_create(const tg_args_t *a) {
    call_t c;
    json_t *body = NULL, *answer = NULL;
    tg_err_t err = call_init(&c, a);
    if (!err && !c.kind->create)
        err = refuse_call(&c, "create");
    if (!err)
        err = body_read(&c, c.name != NULL, &body);
    if (!err)
        err = name_settle(&c, body);
    if (!err)
        err = object_call(&c, "POST", c.kind->create, body, &answer);
    if (!err)
        err = written_show(&c, answer, "created");
    json_decref(body);
    json_decref(answer);
    tg_remote_release(&c.client);
    return tg_exit_of(err);
}

int tg_update(const tg_args_t *a) {
    call_t c;
    json_t *body = NULL, *answer = NULL;
    tg_err_t err = call_init(&c, a);
    bool named = !err && strstr(c.kind->item ? c.kind->item : "", "{name}");
    if (!err && !c.kind->update)
        err = refuse_call(&c, "update");
    if (!err && named && !c.name) {
        tg_say("a name is needed: tollgate update %s NAME -f FILE", c.kind->name);
        err = TG_ERR_INVALID;
    }
    if (!err)
        err = body_read(&c, false, &body);
    if (!err)
        err = object_call(&c, a->value[TG_FLAG_REPLACE] ? "PUT" : "PATCH", c.kind->item, body, &answer);
    if (!err)
        err = written_show(&c, answer, "updated");
    json_decref(body);
    json_decref(answer);
    tg_remote_release(&c.client);
    return tg_exit_of(err);
}

/* ---- delete ---- */

int tg_delete(const tg_args_t *a) {
    call_t c;
    char question[512];
    json_t *answer = NULL;
    tg_err_t err = call_init(&c, a);
    if (!err && (!c.kind->remove || !c.kind->item))
        err = refuse_call(&c, "delete");
    if (!err && !a->value[TG_FLAG_YES]) {
        snprintf(question, sizeof(question), "Delete %s %.300s? [y/N] ", c.kind->one, c.name);
        err = tg_terminal_confirm(question) ? TG_OK : TG_ERR_INVALID;
    }
    if (!err)
        err = object_call(&c, "DELETE", c.kind->item, NULL, &answer);
    if (!err && c.format == TG_OUTPUT_TABLE)
        printf("%s %s deleted\n", c.kind->one, c.name);
    else if (!err)
        err = written_show(&c, answer, "deleted");
    json_decref(answer);
    tg_remote_release(&c.client);
    return tg_exit_of(err);
}
