/*
 * A request to a token endpoint: four lines (method, content type, authorization, query), then the body. What is
 * accepted names a client that could exist, and what is granted makes claims that are JSON.
 */
#include <stdlib.h>

#include "base/json.h"
#include "oauth/refresh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void require_describable(const char *why) {
    for (; *why; why++) {
        require(*why >= 0x20 && *why <= 0x7e && *why != '"' && *why != '\\');
    }
}

static void require_json(const tg_buf_t *text) {
    json_t *value = NULL;
    require(text->err == TG_OK);
    require(tg_json_parse(tg_buf_str(text), 1 << 20, 8, &value, NULL) == TG_OK);
    json_decref(value);
}

static void decide(tg_token_endpoint_t endpoint, tg_token_type_t type, tg_grant_t grant,
                   const tg_token_request_t *req) {
    static const uint8_t random[64], family[TG_FAMILY_LEN];
    const tg_live_client_t client = {.exists = true, .enabled = true, .kind = TG_CLIENT_APPLICATION};
    const tg_policy_t policy = {.type = type,
                                .active = true,
                                .managed_from_policy = true,
                                .token = {.grant = grant, .expires_in = 60, .jwt_algorithm = {"ES256", 5}}};
    tg_grant_plan_t plan;
    tg_pair_t pair;
    const char *why = NULL;
    tg_buf_t out;
    tg_oauth_error_t e = tg_grant_decide(endpoint, req, &client, &policy, &plan, &why);
    tg_buf_init(&out, 1 << 20);
    require_describable(why);
    if (e == TG_OAUTH_OK) {
        bool password = grant == TG_GRANT_PASSWORD;
        require(req->grant == grant && !plan.has_scope && plan.expires_in == 60);
        require(tg_str_eq(plan.subject, password ? req->username : req->client_id));
        require(!password ||
                (!req->in_url && req->password.n > 0 && tg_client_id_check(plan.subject, "", NULL) == TG_OK));
        require(tg_pair_acquire(&plan, &policy, 1, random, family, 0, &pair) == TG_OK);
        tg_pair_claims_write(&pair, TG_STR("https://gw.example.org/auth"), &out);
        require_json(&out);
    } else {
        tg_oauth_error_write(e, why, &out);
        require_json(&out);
    }
    tg_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t rest = tg_strn(data, size);
    tg_oauth_input_t in = {.n_authorization = 1};
    in.method = tg_str_take(&rest, '\n');
    in.content_type = tg_str_take(&rest, '\n');
    in.authorization = tg_str_take(&rest, '\n');
    in.query = tg_str_take(&rest, '\n');
    in.body = rest;

    tg_arena_t a;
    tg_token_request_t req;
    const char *why = NULL;
    tg_arena_init(&a, 16384 + 2 * in.authorization.n + in.query.n + in.body.n); /* what the header promises */
    tg_oauth_error_t e = tg_token_request_parse(&in, &a, &req, &why);
    require_describable(why);
    require((e == TG_OAUTH_OK) == (*why == '\0'));
    require(e != TG_OAUTH_SERVER_ERROR);
    if (e == TG_OAUTH_OK) {
        require(tg_client_id_check(req.client_id, "", NULL) == TG_OK);
        require(tg_str_is_utf8(req.client_secret) && req.has_secret == (req.client_secret.n > 0));
        decide(TG_ENDPOINT_TOKEN, TG_TOKEN_OPAQUE, TG_GRANT_CLIENT_CREDENTIALS, &req);
        decide(TG_ENDPOINT_JWT, TG_TOKEN_JWT, TG_GRANT_PASSWORD, &req);
    }
    tg_arena_release(&a);
    return 0;
}
