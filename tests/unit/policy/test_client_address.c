#include "policy/client_address.h"

#include <arpa/inet.h>

#include "alloc.h"
#include "tests.h"

static void address(const char *text, uint8_t out[16]) {
    tg_cidr_t c;
    assert_int_equal(tg_cidr_parse(tg_str(text), &c), TG_OK);
    assert_int_equal(c.prefix_len, 128);
    memcpy(out, c.addr, 16);
}

static void networks_hold_addresses(void **state) {
    static const struct {
        const char *network, *address;
        bool has;
    } rows[] = {
        {"10.0.0.0/8", "10.255.0.1", true},
        {"10.0.0.0/8", "11.0.0.1", false},
        {"10.1.2.3/8", "10.9.9.9", true},
        {"10.0.0.1", "10.0.0.1", true},
        {"10.0.0.1", "10.0.0.2", false},
        {"10.0.0.128/25", "10.0.0.127", false},
        {"10.0.0.128/25", "10.0.0.128", true},
        {"192.168.0.1/31", "192.168.0.0", true},
        {"192.168.0.1/31", "192.168.0.2", false},
        {"0.0.0.0/0", "255.1.2.3", true},
        {"0.0.0.0/0", "::1", false},
        {"::/0", "::1", true},
        {"::/0", "10.0.0.1", true},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"::ffff:10.0.0.0/104", "10.1.1.1", true},
        {"::ffff:10.0.0.1", "10.0.0.1", true},
        {"::1", "::1", true},
        {"::1/128", "::2", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        tg_cidr_t c;
        uint8_t addr[16];
        assert_int_equal(tg_cidr_parse(tg_str(rows[i].network), &c), TG_OK);
        address(rows[i].address, addr);
        if (tg_cidr_has(&c, addr) != rows[i].has || tg_cidrs_have(&c, 1, addr) != rows[i].has) {
            fail_msg("%s %s", rows[i].network, rows[i].address);
        }
        assert_false(tg_cidrs_have(&c, 0, addr));
    }
}

static void refuses_what_is_no_network(void **state) {
    static const char *const rows[] = {
        "",
        "10.0.0",
        "10.0.0.0.0",
        "010.0.0.1",
        "10.0.0.256",
        "10.0.0.1/33",
        "10.0.0.1/",
        "10.0.0.1/a",
        "10.0.0.1/-1",
        "10.0.0.1/+8",
        "10.0.0.1/8/8",
        "::1/129",
        ":::",
        "[::1]",
        "fe80::1%lo",
        " 10.0.0.1",
        "10.0.0.1 ",
        "localhost",
        "10.0.0.1/08x",
        "0x7f.0.0.1",
        "1",
        "::ffff:1.2.3.4.5",
        "1.2.3.4:80",
        "1:2:3:4:5:6:7:8:9",
        "00000000000000000000000000000000000000000000000000::1",
    };
    tg_cidr_t c;
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (tg_cidr_parse(tg_str(rows[i]), &c) != TG_ERR_INVALID) {
            fail_msg("'%s'", rows[i]);
        }
    }
    assert_int_equal(tg_cidr_parse(tg_strn("10.0.0.1\0", 9), &c), TG_ERR_INVALID);
}

static void trusted_proxies(void **state) {
    tg_str_t list[] = {TG_STR("10.0.0.0/8"), TG_STR("::1")};
    tg_environment_t e = {.trusted_proxies = list, .n_trusted_proxies = 2};
    tg_arena_t a;
    tg_cidr_t *cidrs;
    uint8_t addr[16];
    size_t n;
    (void)state;
    tg_arena_init(&a, 4096);
    assert_int_equal(tg_trusted_parse(&e, &a, &cidrs, &n), TG_OK);
    assert_int_equal(n, 2);
    address("::1", addr);
    assert_true(tg_cidrs_have(cidrs, n, addr));
    address("127.0.0.1", addr);
    assert_false(tg_cidrs_have(cidrs, n, addr));
    list[1] = TG_STR("nonsense");
    assert_int_equal(tg_trusted_parse(&e, &a, &cidrs, &n), TG_ERR_INVALID);
    tg_arena_release(&a);
    tg_arena_init(&a, 1);
    assert_int_equal(tg_trusted_parse(&e, &a, &cidrs, &n), TG_ERR_NOMEM);
    tg_arena_release(&a);
}

static void picks_from_the_forwarded_list(void **state) {
    static const struct {
        const char *list;
        int order;
        tg_err_t err;
        const char *address;
    } rows[] = {
        {"192.0.2.1", 0, TG_OK, "192.0.2.1"},
        {"192.0.2.1, 192.0.2.2 ,\t192.0.2.3", 0, TG_OK, "192.0.2.3"},
        {"192.0.2.1, 192.0.2.2 ,\t192.0.2.3", 1, TG_OK, "192.0.2.1"},
        {"192.0.2.1, 192.0.2.2 ,\t192.0.2.3", 2, TG_OK, "192.0.2.2"},
        {"192.0.2.1, 192.0.2.2 ,\t192.0.2.3", 3, TG_OK, "192.0.2.3"},
        {"192.0.2.1, 192.0.2.2 ,\t192.0.2.3", 4, TG_ERR_NOTFOUND, NULL},
        {"a,b,c,d,192.0.2.5", 5, TG_OK, "192.0.2.5"},
        {",, 192.0.2.1 ,,192.0.2.2,, ", 0, TG_OK, "192.0.2.2"},
        {",, 192.0.2.1 ,,192.0.2.2,, ", 1, TG_OK, "192.0.2.1"},
        {"192.0.2.1:8080", 0, TG_OK, "192.0.2.1"},
        {"2001:db8::1", 0, TG_OK, "2001:db8::1"},
        {"[2001:db8::1]", 0, TG_OK, "2001:db8::1"},
        {"[2001:db8::1]:443", 0, TG_OK, "2001:db8::1"},
        {"::ffff:192.0.2.1", 0, TG_OK, "192.0.2.1"},
        {"", 0, TG_ERR_NOTFOUND, NULL},
        {" , ,", 0, TG_ERR_NOTFOUND, NULL},
        {"", 1, TG_ERR_NOTFOUND, NULL},
        {"unknown", 0, TG_ERR_INVALID, NULL},
        {"192.0.2.1, unknown", 0, TG_ERR_INVALID, NULL},
        {"192.0.2.1:", 0, TG_ERR_INVALID, NULL},
        {"192.0.2.1:99999", 0, TG_ERR_INVALID, NULL},
        {"192.0.2.1:8x", 0, TG_ERR_INVALID, NULL},
        {"[192.0.2.1]", 0, TG_ERR_INVALID, NULL},
        {"[2001:db8::1", 0, TG_ERR_INVALID, NULL},
        {"[2001:db8::1]443", 0, TG_ERR_INVALID, NULL},
        {"[2001:db8::1]:", 0, TG_ERR_INVALID, NULL},
        {"[]:1", 0, TG_ERR_INVALID, NULL},
        {"[", 0, TG_ERR_INVALID, NULL},
        {"]:[", 0, TG_ERR_INVALID, NULL},
        {":", 0, TG_ERR_INVALID, NULL},
        {":80", 0, TG_ERR_INVALID, NULL},
        {"\"192.0.2.1\"", 0, TG_ERR_INVALID, NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t got[16];
        uint8_t wanted[16];
        tg_err_t err = tg_forwarded_pick(tg_str(rows[i].list), rows[i].order, got);
        if (err != rows[i].err) {
            fail_msg("'%s' %d: %s", rows[i].list, rows[i].order, tg_err_name(err));
        }
        if (rows[i].address != NULL) {
            address(rows[i].address, wanted);
            assert_memory_equal(got, wanted, 16);
        }
    }
}

static void host_syntax(void **state) {
    static const char *const good[] = {"a",     "A.b-c_d.example", "localhost:80", "127.0.0.1", "127.0.0.1:65535",
                                       "[::1]", "[::1]:8443",      "1a.2b",        "x.1y",      "[::ffff:1.2.3.4]"};
    static const char *const bad[] = {
        "",       ":80", "a:",        "a:b",   "a:0",       "a:65536",   "a:080000", "a b",      "a/b",  "a\r\nb",
        "a@b",    "a,b", "a;b",       "a%2eb", "<a>",       "a..b",      ".a",       "a.",       "[::1", "::1",
        "[::1]x", "[a]", "[1.2.3.4]", "1.2.3", "1.2.3.4.5", "256.1.1.1", "a:1:2",    "\xc3\xa9", "a\"b", "a:+1",
    };
    char label[300];
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        if (!tg_host_is_valid(tg_str(good[i]))) {
            fail_msg("'%s'", good[i]);
        }
    }
    for (size_t i = 0; i < COUNT(bad); i++) {
        if (tg_host_is_valid(tg_str(bad[i]))) {
            fail_msg("'%s'", bad[i]);
        }
    }
    assert_false(tg_host_is_valid(tg_strn("a\0b", 3)));
    memset(label, 'a', sizeof(label));
    assert_true(tg_host_is_valid(tg_strn(label, 63)));
    assert_false(tg_host_is_valid(tg_strn(label, 64)));
    for (size_t i = 60; i < sizeof(label); i += 60) {
        label[i] = '.';
    }
    assert_true(tg_host_is_valid(tg_strn(label, 253)));
    assert_false(tg_host_is_valid(tg_strn(label, 254)));
}

static void the_clients_address(void **state) {
    static const struct {
        bool enabled, trusted;
        int order;
        const char *list;
        const char *address; /* NULL: refused */
    } rows[] = {
        {true, true, 0, "1.2.3.4, 5.6.7.8", "5.6.7.8"},
        {true, true, 1, "1.2.3.4, 5.6.7.8", "1.2.3.4"},
        {true, true, 2, "1.2.3.4, 5.6.7.8", "5.6.7.8"},
        {true, true, 3, "1.2.3.4, 5.6.7.8", "192.0.2.1"}, /* the list is shorter */
        {true, true, 0, "", "192.0.2.1"},
        {true, true, 0, " , ", "192.0.2.1"},
        {true, true, 0, "1.2.3.4, unknown", NULL},
        {true, true, 1, "1.2.3.4, unknown", "1.2.3.4"},
        {true, true, 1, "1.2.3.256", NULL},
        {true, false, 0, "1.2.3.4", "192.0.2.1"}, /* whoever it is says so */
        {true, false, 0, "unknown", "192.0.2.1"},
        {false, true, 0, "1.2.3.4", "192.0.2.1"},
    };
    uint8_t peer[16], out[16], expected[16];
    (void)state;
    address("192.0.2.1", peer);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const tg_forwarded_t f = {.enabled = rows[i].enabled, .order = rows[i].order};
        tg_err_t err = tg_client_address(&f, rows[i].trusted, peer, tg_str(rows[i].list), out);
        if (err != (rows[i].address != NULL ? TG_OK : TG_ERR_INVALID)) {
            fail_msg("row %zu: %s", i, tg_err_name(err));
        }
        if (rows[i].address != NULL) {
            address(rows[i].address, expected);
            assert_memory_equal(out, expected, 16);
        }
    }
}

/* RFC 5952 4 and 5; what is written reads as the same address again. */
static void texts_of_addresses(void **state) {
    static const struct {
        const char *address, *text;
    } rows[] = {
        {"1.2.3.4", "1.2.3.4"},
        {"255.255.255.255", "255.255.255.255"},
        {"0.0.0.0", "0.0.0.0"},
        {"::ffff:10.0.0.1", "10.0.0.1"},
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"2001:0DB8::0001", "2001:db8::1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
        {"0:0:1::", "0:0:1::"},
        {"1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"0:0:3:4:5:6:7:8", "::3:4:5:6:7:8"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"fe80::a:0:0:b", "fe80::a:0:0:b"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[64];
        uint8_t addr[16], again[16];
        tg_buf_t b;
        address(rows[i].address, addr);
        tg_buf_init_fixed(&b, text, sizeof(text) - 1);
        tg_address_write(addr, &b);
        assert_str(tg_buf_str(&b), rows[i].text);
        text[b.n] = '\0';
        address(text, again);
        assert_memory_equal(addr, again, 16);
    }
}

static void lists_of_addresses(void **state) {
    const tg_str_t ips[] = {TG_STR("10.1.0.0/16"), TG_STR("2001:db8::/32"), TG_STR("192.0.2.7")};
    const tg_str_t broken[] = {TG_STR("nonsense")};
    uint8_t addr[16];
    (void)state;
    address("10.1.2.3", addr);
    assert_true(tg_ips_have(ips, COUNT(ips), addr));
    address("10.2.0.1", addr);
    assert_false(tg_ips_have(ips, COUNT(ips), addr));
    assert_true(tg_ips_have(NULL, 0, addr));
    assert_false(tg_ips_have(broken, 1, addr)); /* a list that cannot be read lets nobody in */
    address("2001:db8:1::1", addr);
    assert_true(tg_ips_have(ips, COUNT(ips), addr));
    address("192.0.2.7", addr);
    assert_true(tg_ips_have(ips, COUNT(ips), addr));
    address("192.0.2.8", addr);
    assert_false(tg_ips_have(ips, COUNT(ips), addr));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(networks_hold_addresses),
        cmocka_unit_test(refuses_what_is_no_network),
        cmocka_unit_test(trusted_proxies),
        cmocka_unit_test(picks_from_the_forwarded_list),
        cmocka_unit_test(host_syntax),
        cmocka_unit_test(the_clients_address),
        cmocka_unit_test(texts_of_addresses),
        cmocka_unit_test(lists_of_addresses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
