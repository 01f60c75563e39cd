#include "manager/first_start.h"

#include <stdio.h>
#include <stdlib.h>

#include "manager/administrators.h"
#include "manager/bodies.h"
#include "manager/environments.h"
#include "manager/password.h"
#include "manager/resources.h"
#include "model/model.h"

#define GENERATED_RANDOM 18

static bool is_missing(tg_err_t err) {
    return err == TG_ERR_NOTFOUND;
}

/* ---- the first administrator ---- */

static tg_err_t administrator_need(tg_call_t *c, const char *password) {
    tg_resource_t *rows = NULL;
    size_t n = 0;
    char made[64] = "", encoded[TG_ENCODED_MAX];
    int64_t id;
    tg_err_t err = tg_resource_all(c, TG_RES_ADMINISTRATOR, 0, &rows, &n);
    if (err || n > 0) {
        return err;
    }
    if (password == NULL) {
        return tg_fault(&c->fault, TG_ERR_INVALID, "", "the file with the administrator's password cannot be read");
    }
    if (password[0] == '\0') {
        tg_random_text("", GENERATED_RANDOM, made);
    }
    tg_str_t chosen = tg_str(password[0] != '\0' ? password : made);
    err = tg_administrator_password_check(chosen, "the administrator's password", &c->fault);
    if (!err) {
        err = tg_password_hash(chosen, encoded);
    }
    if (!err) {
        const tg_administrator_t who = {.name = TG_STR("admin"),
                                        .rights = {.everywhere = TG_ROLE_ADMIN},
                                        .enabled = true,
                                        .password = tg_str(encoded)};
        err = tg_administrator_add(c, &who, &id);
    }
    if (!err) {
        err = tg_call_commit(c); /* before it is shown */
    }
    if (!err && made[0] != '\0') {
        printf("administrator \"admin\", password: %s\n", made);
        fflush(stdout);
    }
    tg_wipe(made, sizeof(made));
    return err;
}

/* ---- project and environment ---- */

static tg_err_t project_need(tg_call_t *c) {
    tg_resource_t row;
    int64_t id;
    tg_str_t name = TG_STR("default");
    tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_PROJECT, 0, name, &c->arena, &row);
    if (!is_missing(err)) {
        return err;
    }
    return tg_resource_add(c, TG_RES_PROJECT, 0, "project", name, TG_STR("{\"description\":\"\",\"name\":\"default\"}"),
                           &id);
}

static tg_err_t environment_make(tg_call_t *c, const char *name) {
    tg_str_t canonical, doc;
    tg_key_t *key = NULL;
    int64_t id;
    json_t *body = json_pack("{s:s}", "name", name);
    tg_err_t err = body == NULL ? TG_ERR_NOMEM : tg_environment_canonical(c, body, &canonical, &doc);
    if (!err) {
        err = tg_key_generate(TG_ALG_RS256, &key);
    }
    if (!err) {
        err = tg_environment_add(c, canonical, doc, key, &id);
    }
    tg_key_free(key);
    json_decref(body);
    return err;
}

static tg_err_t environment_need(tg_call_t *c, const char *name) {
    tg_resource_t row;
    tg_err_t err = c->store->ops->resource_find(c->store, TG_RES_ENVIRONMENT, 0, tg_str(name), &c->arena, &row);
    return is_missing(err) ? environment_make(c, name) : err;
}

/* ---- all of it ---- */

static tg_err_t step(tg_call_t *c, const char *path) {
    c->path = tg_str(path);
    return tg_call_begin(c);
}

static tg_err_t run(tg_call_t *c, const char *password, const char *environment) {
    tg_err_t err = step(c, "/apiops/administrators/admin");
    if (!err) {
        err = administrator_need(c, password);
    }
    tg_call_rollback(c);
    if (err || environment == NULL) {
        return err;
    }
    err = step(c, "/apiops/environments");
    if (!err) {
        int64_t before = c->etag;
        err = project_need(c);
        if (!err) {
            err = environment_need(c, environment);
        }
        if (!err && c->etag != before) {
            err = tg_call_commit(c);
        }
    }
    tg_call_rollback(c);
    return err;
}

tg_err_t tg_first_start(tg_manager_t *m, const char *password, const char *environment) {
    tg_call_t *c = calloc(1, sizeof(*c));
    void *handle = NULL;
    if (c == NULL || !tg_call_init(c, m)) {
        free(c);
        return TG_ERR_NOMEM;
    }
    c->method = TG_STR("start");
    c->who = TG_STR("tollgate-manager");
    tg_err_t err = tg_pool_take(&m->configs, &handle);
    c->store = handle;
    if (!err) {
        err = run(c, password, environment);
    }
    if (err) {
        const char *text = c->fault.text[0] != '\0' ? c->fault.text : tg_err_name(err);
        fprintf(stderr, "tollgate-manager: cannot prepare the store: %s%s%s\n", c->fault.field,
                c->fault.field[0] != '\0' ? ": " : "", text);
    }
    tg_call_release(c);
    free(c);
    return err;
}
