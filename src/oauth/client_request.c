#include "oauth/client_request.h"

#include "oauth/authorization.h"

#define PAIRS_MAX 100 /* of a query, and of a body */

static tg_oauth_error_t refuse(tg_oauth_error_t e, const char *text, const char **why) {
    *why = text;
    return e;
}

/* Parameters of the media type are of no meaning to a form (WHATWG URL 5), whatever charset they name. */
static bool content_is_form(tg_str_t content_type) {
    tg_str_t type = tg_str_trim(tg_str_take(&content_type, ';'));
    return tg_str_eq_ci(type, TG_STR("application/x-www-form-urlencoded"));
}

static tg_oauth_error_t form_read(tg_str_t text, tg_arena_t *a, tg_form_t *out, const char **why) {
    switch (tg_form_parse(text, PAIRS_MAX, a, out)) {
    case TG_OK:
        return TG_OAUTH_OK;
    case TG_ERR_INVALID:
        return refuse(TG_OAUTH_INVALID_REQUEST, "a parameter is not well-formed", why);
    case TG_ERR_LIMIT:
        return refuse(TG_OAUTH_INVALID_REQUEST, "too many parameters", why);
    default:
        return refuse(TG_OAUTH_SERVER_ERROR, "out of memory", why);
    }
}

tg_str_t tg_parameter_find(const tg_form_t *f, tg_str_t name) {
    tg_str_t value = TG_STR_NONE;
    (void)tg_form_find(f, name, &value);
    return value;
}

static bool forms_share_a_name(const tg_form_t *a, const tg_form_t *b) {
    for (size_t i = 0; i < a->n; i++) {
        tg_str_t ignored;
        if (tg_form_find(b, a->pairs[i].name, &ignored) > 0) {
            return true;
        }
    }
    return false;
}

/* RFC 6749 2.3.1: credentials MUST NOT be in the URI, where every log on the way would keep them. */
static bool query_has_credentials(const tg_form_t *query, tg_str_t secret) {
    const tg_str_t names[] = {TG_STR("client_id"), TG_STR("client_secret"), TG_STR("username"),
                              TG_STR("password"),  TG_STR("refresh_token"), secret};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        tg_str_t ignored;
        if (names[i].n > 0 && tg_form_find(query, names[i], &ignored) > 0) {
            return true;
        }
    }
    return false;
}

/* The query takes no part in the request; it is read for what must not be there. */
static tg_oauth_error_t parameters_read(const tg_oauth_input_t *in, tg_str_t secret, tg_arena_t *a, tg_form_t *body,
                                        const char **why) {
    tg_form_t query = {0};
    tg_oauth_error_t e = form_read(in->body, a, body, why);
    if (e == TG_OAUTH_OK) {
        e = form_read(in->query, a, &query, why);
    }
    if (e != TG_OAUTH_OK) {
        return e;
    }
    if (tg_form_repeated(body) || tg_form_repeated(&query) || forms_share_a_name(&query, body)) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "a parameter is repeated", why);
    }
    if (query_has_credentials(&query, secret)) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "credentials must not stand in the query of the URL", why);
    }
    return TG_OAUTH_OK;
}

static tg_oauth_error_t client_from_basic(tg_str_t credentials, tg_arena_t *a, tg_token_request_t *out,
                                          const char **why) {
    if (tg_parameter_find(&out->form, TG_STR("client_secret")).n > 0) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "more than one method of client authentication", why);
    }
    tg_err_t err = tg_basic_parse(credentials, a, &out->client_id, &out->client_secret);
    if (err == TG_ERR_NOMEM) {
        return refuse(TG_OAUTH_SERVER_ERROR, "out of memory", why);
    }
    if (err != TG_OK) {
        return refuse(TG_OAUTH_INVALID_CLIENT, "client authentication failed", why);
    }
    out->used_basic = true;
    tg_str_t id = tg_parameter_find(&out->form, TG_STR("client_id"));
    if (id.n > 0 && !tg_str_eq(id, out->client_id)) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "client_id is not the client of the Authorization header", why);
    }
    return TG_OAUTH_OK;
}

static tg_oauth_error_t client_find(const tg_oauth_input_t *in, tg_arena_t *a, tg_token_request_t *out,
                                    const char **why) {
    tg_str_t credentials;
    if (in->n_authorization > 1) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "more than one Authorization header", why);
    }
    if (tg_authorization_is(in->authorization, TG_STR("Basic"), &credentials)) {
        tg_oauth_error_t e = client_from_basic(credentials, a, out, why);
        if (e != TG_OAUTH_OK) {
            return e;
        }
    } else {
        out->client_id = tg_parameter_find(&out->form, TG_STR("client_id"));
        out->client_secret = tg_parameter_find(&out->form, TG_STR("client_secret"));
    }
    out->has_secret = out->client_secret.n > 0;
    if (tg_client_id_check(out->client_id, "client_id", NULL) != TG_OK) {
        return refuse(TG_OAUTH_INVALID_CLIENT, "client authentication failed", why);
    }
    return TG_OAUTH_OK;
}

tg_oauth_error_t tg_client_request_parse(const tg_oauth_input_t *in, tg_str_t secret, tg_arena_t *a,
                                         tg_token_request_t *out, const char **why) {
    *out = (tg_token_request_t){0};
    *why = "";
    if (!tg_str_eq(in->method, TG_STR("POST"))) {
        return refuse(TG_OAUTH_METHOD, "this method is not allowed here", why);
    }
    if (!content_is_form(in->content_type)) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "the content type must be application/x-www-form-urlencoded", why);
    }
    tg_oauth_error_t e = parameters_read(in, secret, a, &out->form, why);
    return e == TG_OAUTH_OK ? client_find(in, a, out, why) : e;
}

static bool url_names_client(const tg_oauth_input_t *in, const tg_form_t *query) {
    tg_str_t ignored;
    return in->n_authorization > 1 || tg_authorization_is(in->authorization, TG_STR("Basic"), &ignored) ||
           tg_parameter_find(query, TG_STR("client_id")).n > 0;
}

/* The name and password of a user are for a body alone, whatever the policy allows. */
static tg_oauth_error_t url_parameters_check(const tg_oauth_input_t *in, const tg_form_t *query, const char **why) {
    if (tg_form_repeated(query)) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "a parameter is repeated", why);
    }
    if (in->body.n > 0) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "a GET must not have a body", why);
    }
    if (tg_parameter_find(query, TG_STR("password")).n > 0 || tg_parameter_find(query, TG_STR("username")).n > 0) {
        return refuse(TG_OAUTH_INVALID_REQUEST, "a username or password must not stand in the query of the URL", why);
    }
    return TG_OAUTH_OK;
}

tg_oauth_error_t tg_client_request_parse_url(const tg_oauth_input_t *in, tg_arena_t *a, tg_token_request_t *out,
                                             const char **why) {
    *out = (tg_token_request_t){.in_url = true};
    *why = "";
    tg_oauth_error_t e = form_read(in->query, a, &out->form, why);
    if (e == TG_OAUTH_OK && !url_names_client(in, &out->form)) {
        return refuse(TG_OAUTH_METHOD, "this method is not allowed here", why);
    }
    if (e == TG_OAUTH_OK) {
        e = url_parameters_check(in, &out->form, why);
    }
    return e == TG_OAUTH_OK ? client_find(in, a, out, why) : e;
}
