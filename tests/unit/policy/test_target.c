#include "policy/route.h"

#include "guard.h"
#include "tests.h"

static const tg_deployed_proxy_t strips = {.proxy.route.strip_path = true};
static const tg_deployed_proxy_t keeps = {.proxy.route.strip_path = false};

static void target_is(const tg_deployed_proxy_t *p, const char *base, size_t prefix_len, tg_str_t path,
                      const char *query, const char *wanted) {
    tg_address_t address = {.base_path = tg_str(base)};
    tg_buf_t out;
    guard_t guarded = guard_copy(path.p, path.n);
    tg_buf_init(&out, 65536);
    tg_target_write(p, NULL, &address, prefix_len, tg_strn(guarded.p, guarded.n), query != NULL, tg_str(query), &out);
    assert_int_equal(out.err, TG_OK);
    assert_str(tg_buf_str(&out), wanted);
    tg_buf_release(&out);
    guard_free(&guarded);
}

static void prefix_base_and_query(void **state) {
    static const struct {
        bool strip;
        const char *base;
        size_t prefix_len;
        const char *path, *query, *wanted;
    } rows[] = {
        {true, "", 7, "/orders", NULL, "/"},
        {true, "", 7, "/orders/", NULL, "/"},
        {true, "", 7, "/orders/1", NULL, "/1"},
        {true, "", 0, "/orders/1", NULL, "/orders/1"},
        {true, "", 0, "/", NULL, "/"},
        {false, "", 7, "/orders", NULL, "/orders"},
        {false, "/v1", 7, "/orders/1", NULL, "/v1/orders/1"},
        {true, "/v1", 7, "/orders", NULL, "/v1/"},
        {true, "/v1", 7, "/orders/1/", NULL, "/v1/1/"},
        {true, "/a%20b", 7, "/orders/1", NULL, "/a%20b/1"},
        {true, "", 7, "/orders", "", "/?"},
        {true, "", 7, "/orders/1", "a=b&c=%0d%0a", "/1?a=b&c=%0d%0a"},
        {true, "", 0, "/", "a=%zz&&?/#+;=[]{}|\\^`\"<>'\x80\xff", "/?a=%zz&&?/#+;=[]{}|\\^`\"<>'\x80\xff"},
        {true, "", 0, "/a b", NULL, "/a%20b"},
        {true, "", 0, "/100%", NULL, "/100%25"},
        {true, "", 0, "/a%2fb", NULL, "/a%252fb"},
        {true, "", 0, "/a?b", "c", "/a%3Fb?c"},
        {true, "", 0, "/a#b", NULL, "/a%23b"},
        {true, "", 0, "/caf\xc3\xa9", NULL, "/caf%C3%A9"},
        {true, "", 0, "/\xff\x80", NULL, "/%FF%80"},
        {true, "", 0, "/a\\b\"<>^`{|}[]", NULL, "/a%5Cb%22%3C%3E%5E%60%7B%7C%7D%5B%5D"},
        {true, "", 0, "/-._~!$&'()*+,;=:@/", NULL, "/-._~!$&'()*+,;=:@/"},
        {true, "", 0, "/a\r\nX: y", NULL, "/a%0D%0AX:%20y"},
        /* Never a prefix inside a segment, nor one longer than the path; but no target without its slash either. */
        {true, "/v1", 3, "/orders", NULL, "/v1/ders"},
        {true, "/v1", 99, "/orders", NULL, "/v1/"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        target_is(rows[i].strip ? &strips : &keeps, rows[i].base, rows[i].prefix_len, tg_str(rows[i].path),
                  rows[i].query, rows[i].wanted);
    }
}

/* RFC 3986 3.3: pchar and '/'. Written out here, not taken from the code under test. */
static const char raw[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/";

static void every_byte_of_a_path(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char path[3] = {'/', (char)c, 'z'};
        char wanted[8];
        if (c != 0 && strchr(raw, c) != NULL) {
            snprintf(wanted, sizeof(wanted), "/%cz", c);
        } else {
            snprintf(wanted, sizeof(wanted), "/%%%02Xz", (unsigned)c);
        }
        target_is(&strips, "", 0, tg_strn(path, 3), NULL, wanted);
    }
}

/* No byte of a query can end the target or the line, all others pass as they are. */
static void every_byte_of_a_query(void **state) {
    tg_address_t address = {.base_path = TG_STR_NONE};
    (void)state;
    for (int c = 0; c < 256; c++) {
        char query[2] = {(char)c, 'z'};
        char wanted[16];
        tg_buf_t out;
        if (c <= 0x20 || c == 0x7f) {
            snprintf(wanted, sizeof(wanted), "/?%%%02Xz", (unsigned)c);
        } else {
            snprintf(wanted, sizeof(wanted), "/?%cz", c);
        }
        tg_buf_init(&out, 64);
        tg_target_write(&strips, NULL, &address, 0, TG_STR("/"), true, tg_strn(query, 2), &out);
        assert_str(tg_buf_str(&out), wanted);
        tg_buf_release(&out);
    }
}

static void control_bytes_are_seen(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char path[2] = {'/', (char)c};
        assert_int_equal(tg_path_has_control(tg_strn(path, 2)), c < 0x20 || c == 0x7f);
    }
    assert_false(tg_path_has_control(TG_STR_NONE));
}

static void a_full_buffer_is_told(void **state) {
    char memory[8];
    tg_buf_t out;
    tg_address_t address = {.base_path = TG_STR_NONE};
    (void)state;
    tg_buf_init_fixed(&out, memory, sizeof(memory));
    tg_target_write(&strips, NULL, &address, 0, TG_STR("/a b c d"), false, TG_STR_NONE, &out);
    assert_int_equal(out.err, TG_ERR_LIMIT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(prefix_base_and_query), cmocka_unit_test(every_byte_of_a_path),
        cmocka_unit_test(every_byte_of_a_query), cmocka_unit_test(control_bytes_are_seen),
        cmocka_unit_test(a_full_buffer_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
