#include "cli/remote.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/http.h"
#include "cli/say.h"
#include "cli/secret.h"

#define URL_DEFAULT "http://127.0.0.1:9080"
#define BASE        "/apiops"
#define ANSWER_MAX  ((size_t)256 << 20)
#define DEPTH_MAX   64
#define TIMEOUT_MS  (10 * 60 * 1000L) /* a whole import */
#define PAGE_SIZE   1000

void tg_remote_release(tg_remote_t *c) {
    tg_wipe(c, sizeof(*c));
}

static tg_err_t url_take(tg_remote_t *c, const char *text) {
    tg_str_t url = tg_str(text);
    while (tg_str_ends(url, TG_STR("/")))
        url.n--;
    if (tg_str_ends(url, TG_STR(BASE)))
        url.n -= sizeof(BASE) - 1;
    if (url.n == 0 || url.n + sizeof(BASE) > sizeof(c->url) || tg_str_find_char(url, '?') >= 0 ||
        tg_str_find_char(url, '#') >= 0) {
        tg_say("--url: must be the manager's address, such as https://manager.example.org");
        return TG_ERR_INVALID;
    }
    snprintf(c->url, sizeof(c->url), "%.*s" BASE, TG_STR_ARGS(url));
    return TG_OK;
}

static void transport_take(const tg_args_t *a, tg_remote_t *c) {
    c->ca_file = tg_args_or_env(a, TG_FLAG_CA_FILE, "TOLLGATE_CA_FILE");
    c->insecure_http = a->value[TG_FLAG_INSECURE_HTTP] != NULL;
}

tg_err_t tg_remote_address(const tg_args_t *a, tg_remote_t *out) {
    const char *named = tg_args_or_env(a, TG_FLAG_URL, "TOLLGATE_URL");
    tg_saved_login_t session;
    *out = (tg_remote_t){0};
    transport_take(a, out);
    if (named)
        return url_take(out, named);
    tg_err_t err = tg_saved_login_read(&session);
    if (!err)
        err = url_take(out, session.url);
    else if (err == TG_ERR_NOTFOUND)
        err = url_take(out, URL_DEFAULT);
    tg_saved_login_release(&session);
    return err;
}

/* ---- the token ---- */

static tg_err_t token_refuse(const char *why) {
    tg_say("%s; log in: tollgate login", why);
    return TG_ERR_AGAIN;
}

/* A token goes nowhere but to the manager that gave it. */
static tg_err_t session_take(tg_remote_t *c, bool named) {
    tg_saved_login_t s;
    struct timespec now;
    tg_err_t err = tg_saved_login_read(&s);
    clock_gettime(CLOCK_REALTIME, &now);
    if (err == TG_ERR_NOTFOUND)
        err = token_refuse("you are not logged in");
    else if (!err && named && strcmp(s.url, c->url) != 0)
        err = token_refuse("you are logged in at another manager");
    else if (!err && s.expires_at <= (tg_ms_t)now.tv_sec * 1000 + now.tv_nsec / 1000000)
        err = token_refuse("your login has ended");
    if (!err) {
        memcpy(c->url, s.url, sizeof(c->url));
        memcpy(c->name, s.name, sizeof(c->name));
        memcpy(c->token, s.token, sizeof(c->token));
    }
    tg_saved_login_release(&s);
    return err;
}

tg_err_t tg_remote_of(const tg_args_t *a, const tg_saved_login_t *s, tg_remote_t *out) {
    *out = (tg_remote_t){0};
    transport_take(a, out);
    memcpy(out->token, s->token, sizeof(out->token));
    return url_take(out, s->url);
}

static tg_err_t given_token_take(tg_remote_t *c, const char *file) {
    tg_buf_t text;
    tg_buf_init_fixed(&text, c->token, sizeof(c->token) - 1);
    tg_err_t err = tg_secret_read(
        &(tg_secret_source_t){.file = file, .variable = "TOLLGATE_TOKEN", .what = "the bearer token"}, &text);
    c->token[text.n] = '\0';
    return err;
}

tg_err_t tg_remote_init(const tg_args_t *a, tg_remote_t *out) {
    const char *url = tg_args_or_env(a, TG_FLAG_URL, "TOLLGATE_URL"), *file = a->value[TG_FLAG_TOKEN_FILE];
    const char *variable = getenv("TOLLGATE_TOKEN");
    *out = (tg_remote_t){0};
    transport_take(a, out);
    tg_err_t err = url ? url_take(out, url) : TG_OK;
    if (err)
        return err;
    if (!file && !(variable && *variable))
        return session_take(out, url != NULL);
    err = url ? TG_OK : tg_remote_address(a, out);
    return err ? err : given_token_take(out, file);
}

/* ---- calls ---- */

static tg_err_t refusal_of(long status, const json_t *answer, tg_fault_t *message) {
    tg_str_t text = tg_json_str(answer, "resultMessage");
    if (text.n == 0)
        text = tg_json_str(answer, "error_description");
    if (text.n > 0)
        tg_fault_fill(message, "", "%.*s", TG_STR_ARGS(text));
    else
        tg_fault_fill(message, "", "the manager answered with status %ld", status);
    switch (status) {
    case 401:
        return TG_ERR_AGAIN;
    case 404:
        return TG_ERR_NOTFOUND;
    case 409:
        return TG_ERR_CONFLICT;
    default:
        return TG_ERR_INVALID;
    }
}

static tg_err_t answer_parse(tg_str_t text, long status, json_t **answer, tg_fault_t *message) {
    tg_err_t err = tg_json_parse(text, ANSWER_MAX, DEPTH_MAX, answer, NULL);
    if (err == TG_OK && !json_is_object(*answer)) {
        json_decref(*answer);
        *answer = NULL;
    }
    if (status / 100 != 2)
        return refusal_of(status, *answer, message);
    if (*answer)
        return TG_OK;
    return tg_fault(message, TG_ERR_UNAVAILABLE, "", "what answered there is no manager");
}

tg_err_t tg_remote_try(const tg_remote_t *c, const char *method, const char *path, const json_t *body, json_t **answer,
                       tg_fault_t *message) {
    char url[4096];
    tg_buf_t text;
    long status = 0;
    char *json = NULL;
    *answer = NULL;
    if (snprintf(url, sizeof(url), "%s%s", c->url, path) >= (int)sizeof(url))
        return tg_fault(message, TG_ERR_INVALID, "", "a name is too long");
    if (body && !(json = json_dumps(body, JSON_COMPACT)))
        return tg_fault(message, TG_ERR_NOMEM, "", "out of memory");
    tg_buf_init(&text, ANSWER_MAX);
    tg_http_call_t call = {.method = method,
                           .url = url,
                           .bearer = c->token[0] ? c->token : NULL,
                           .json = json,
                           .ca_file = c->ca_file,
                           .timeout_ms = TIMEOUT_MS,
                           .insecure_http = c->insecure_http};
    tg_err_t err = tg_http_run(&call, &status, &text, message);
    if (!err)
        err = answer_parse(tg_buf_str(&text), status, answer, message);
    if (err) {
        json_decref(*answer);
        *answer = NULL;
    }
    if (json)
        tg_wipe(json, strlen(json));
    free(json);
    tg_buf_release(&text);
    return err;
}

tg_err_t tg_remote_call(const tg_remote_t *c, const char *method, const char *path, const json_t *body,
                        json_t **answer) {
    tg_fault_t message = {"", ""};
    tg_err_t err = tg_remote_try(c, method, path, body, answer, &message);
    if (err == TG_ERR_AGAIN)
        tg_say("%s (tollgate login)", message.text);
    else if (err)
        tg_say("%s", message.text);
    return err;
}

/* ---- lists ---- */

static tg_err_t page_take(const tg_remote_t *c, const char *path, const char *query, int64_t page, int64_t size,
                          json_t *rows, bool *more) {
    char full[3072];
    json_t *answer;
    if (snprintf(full, sizeof(full), "%s?page=%lld&pageSize=%lld%s%s", path, (long long)page, (long long)size,
                 query && *query ? "&" : "", query ? query : "") >= (int)sizeof(full)) {
        tg_say("a filter is too long");
        return TG_ERR_INVALID;
    }
    tg_err_t err = tg_remote_call(c, "GET", full, NULL, &answer);
    if (err)
        return err;
    json_t *list = json_object_get(answer, "resultList");
    if (!json_is_array(list) || json_array_extend(rows, list) != 0) {
        tg_say("the manager's answer holds no list");
        err = TG_ERR_UNAVAILABLE;
    }
    *more = json_array_size(list) == (size_t)size;
    json_decref(answer);
    return err;
}

tg_err_t tg_remote_list(const tg_remote_t *c, const char *path, const char *query, int64_t limit, json_t **rows) {
    tg_err_t err = TG_OK;
    bool more = true;
    int64_t size = limit > 0 && limit < PAGE_SIZE ? limit : PAGE_SIZE;
    *rows = json_array();
    for (int64_t page = 1; !err && more && (limit == 0 || (page - 1) * size < limit); page++)
        err = page_take(c, path, query, page, size, *rows, &more);
    while (!err && limit > 0 && json_array_size(*rows) > (size_t)limit)
        json_array_remove(*rows, json_array_size(*rows) - 1);
    if (err) {
        json_decref(*rows);
        *rows = NULL;
    }
    return err;
}
