#include "oauth/token_request.h"

typedef struct {
    int status;
    const char *name;
    const char *text; /* when nothing closer is known */
} answer_t;

static const answer_t answers[] = {
    [TG_OAUTH_OK] = {200, "", ""},
    [TG_OAUTH_INVALID_REQUEST] = {400, "invalid_request", "the request is malformed"},
    [TG_OAUTH_INVALID_CLIENT] = {401, "invalid_client", "client authentication failed"},
    [TG_OAUTH_INVALID_GRANT] = {400, "invalid_grant", "the grant is invalid, expired or revoked"},
    [TG_OAUTH_UNAUTHORIZED_CLIENT] = {400, "unauthorized_client", "this client may not use this grant type here"},
    [TG_OAUTH_UNSUPPORTED_GRANT_TYPE] = {400, "unsupported_grant_type", "this grant type is not supported"},
    [TG_OAUTH_INVALID_SCOPE] = {400, "invalid_scope", "the requested scope is not available"},
    [TG_OAUTH_SLOW_DOWN] = {429, "slow_down", "too many requests, try again later"},
    [TG_OAUTH_SERVER_ERROR] = {503, "server_error", "the service is not available now, try again later"},
    [TG_OAUTH_TOO_LARGE] = {413, "invalid_request", "the request body is too large"},
    [TG_OAUTH_METHOD] = {405, "invalid_request", "this method is not allowed here"},
};

static const answer_t *answer_get(tg_oauth_error_t e) {
    return &answers[(size_t)e < sizeof(answers) / sizeof(answers[0]) ? e : TG_OAUTH_SERVER_ERROR];
}

int tg_oauth_status(tg_oauth_error_t e) {
    return answer_get(e)->status;
}

const char *tg_oauth_error_name(tg_oauth_error_t e) {
    return answer_get(e)->name;
}

void tg_oauth_error_write(tg_oauth_error_t e, const char *description, tg_buf_t *out) {
    const answer_t *a = answer_get(e);
    if (description == NULL || *description == '\0' || e == TG_OAUTH_INVALID_CLIENT) {
        description = a->text; /* invalid_client has one body, whatever the reason */
    }
    tg_buf_put(out, TG_STR("{\"error\":"));
    tg_buf_put_json(out, tg_str(a->name));
    tg_buf_put(out, TG_STR(",\"error_description\":"));
    tg_buf_put_json(out, tg_str(description));
    tg_buf_putc(out, '}');
}
