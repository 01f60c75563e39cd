#include "forge.h"
#include "oauth/refresh.h"

static tg_pair_t pair_make(bool refresh) {
    return (tg_pair_t){.plan = {.type = TG_TOKEN_OPAQUE,
                                .client_id = TG_STR("c\"1"),
                                .subject = TG_STR("s"),
                                .has_scope = true,
                                .scope = TG_STR("read write")},
                       .issued_at = NOW + 7,
                       .has_refresh = refresh,
                       .record = {.access_expires_at = NOW + 60007,
                                  .refresh_expires_at = NOW + 3600007,
                                  .refresh_left = 2,
                                  .refresh_used = 1}};
}

static void response_is(const tg_pair_t *p, const tg_token_management_t *m, tg_ms_t now, const char *wanted) {
    char text[1024];
    tg_buf_t b;
    tg_buf_init_fixed(&b, text, sizeof(text));
    tg_pair_response_write(p, m, TG_STR("orders"), TG_STR("tga_x"), TG_STR("tgr_y"), now, &b);
    assert_int_equal(b.err, TG_OK);
    assert_str(tg_buf_str(&b), wanted);
}

static void by_default(void **state) {
    tg_token_management_t m = {.extended_fields = false};
    tg_pair_t p = pair_make(true);
    (void)state;
    response_is(&p, &m, NOW + 7,
                "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"expires_in\":60,\"refresh_token\":\"tgr_y\","
                "\"scope\":\"read write\"}");
    p = pair_make(false);
    p.plan.has_scope = false;
    p.record.access_expires_at = 0;
    response_is(&p, &m, NOW, "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\"}");
    p.plan.has_scope = true;
    p.plan.scope = TG_STR("");
    response_is(&p, &m, NOW, "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"scope\":\"\"}");
}

static void renamed_and_left_out(void **state) {
    tg_token_management_t m = {.names = {[TG_FIELD_ACCESS_TOKEN] = {TG_STR("token"), false},
                                         [TG_FIELD_TOKEN_TYPE] = {TG_STR_NONE, true},
                                         [TG_FIELD_EXPIRES_IN] = {TG_STR("ttl"), false},
                                         [TG_FIELD_REFRESH_TOKEN] = {TG_STR("renew"), false},
                                         [TG_FIELD_SCOPE] = {TG_STR("roles"), false}},
                               .expires_in_unit = TG_EXPIRES_IN_MILLISECONDS};
    tg_pair_t p = pair_make(true);
    (void)state;
    response_is(&p, &m, NOW + 7, "{\"token\":\"tga_x\",\"ttl\":60000,\"renew\":\"tgr_y\",\"roles\":\"read write\"}");
    response_is(&p, &m, NOW + 8, "{\"token\":\"tga_x\",\"ttl\":60000,\"renew\":\"tgr_y\",\"roles\":\"read write\"}");
    response_is(&p, &m, NOW + 1007, "{\"token\":\"tga_x\",\"ttl\":59000,\"renew\":\"tgr_y\",\"roles\":\"read write\"}");
    response_is(&p, &m, NOW + 99999, "{\"token\":\"tga_x\",\"ttl\":0,\"renew\":\"tgr_y\",\"roles\":\"read write\"}");
    for (size_t i = TG_FIELD_TOKEN_TYPE; i < TG_FIELDS_N; i++) {
        m.names[i].left_out = true;
    }
    response_is(&p, &m, NOW + 7, "{\"token\":\"tga_x\"}");
}

static void extended(void **state) {
    tg_token_management_t m = {.extended_fields = true};
    tg_pair_t p = pair_make(true);
    (void)state;
    response_is(&p, &m, NOW + 7,
                "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"expires_in\":60,\"refresh_token\":\"tgr_y\","
                "\"scope\":\"read write\",\"X-ApplicationName\":\"orders\",\"X-ClientInfo\":\"c\\\"1\","
                "\"X-IssuedAt\":\"2026-09-21T14:13:20.007Z\",\"X-ExpiresAt\":\"2026-09-21T14:14:20.007Z\","
                "\"X-RefreshTokenIssuedAt\":\"2026-09-21T14:13:20.007Z\","
                "\"X-RefreshTokenExpiresAt\":\"2026-09-21T15:13:20.007Z\",\"X-RefreshCount\":1}");
    p = pair_make(false);
    p.record.access_expires_at = 0;
    p.plan.has_scope = false;
    response_is(&p, &m, NOW,
                "{\"access_token\":\"tga_x\",\"token_type\":\"Bearer\",\"X-ApplicationName\":\"orders\","
                "\"X-ClientInfo\":\"c\\\"1\",\"X-IssuedAt\":\"2026-09-21T14:13:20.007Z\"}");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(by_default), cmocka_unit_test(renamed_and_left_out),
                                       cmocka_unit_test(extended)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
