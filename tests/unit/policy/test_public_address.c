#include "policy/public_address.h"

#include "model/ip.h"
#include "tests.h"

static void what_is_public(void **state) {
    static const struct {
        const char *address;
        bool is;
    } rows[] = {
        {"1.1.1.1", true},
        {"9.255.255.255", true},
        {"11.0.0.0", true},
        {"100.63.255.255", true},
        {"100.128.0.0", true},
        {"126.255.255.255", true},
        {"128.0.0.1", true},
        {"169.253.255.255", true},
        {"172.15.255.255", true},
        {"172.32.0.0", true},
        {"192.0.1.0", true},
        {"192.167.255.255", true},
        {"192.169.0.0", true},
        {"198.17.255.255", true},
        {"198.20.0.0", true},
        {"223.255.255.255", true},
        {"0.0.0.0", false},
        {"0.1.2.3", false},
        {"10.0.0.0", false},
        {"10.255.255.255", false},
        {"100.64.0.0", false},
        {"100.127.255.255", false},
        {"127.0.0.1", false},
        {"127.255.255.255", false},
        {"169.254.169.254", false},
        {"172.16.0.0", false},
        {"172.31.255.255", false},
        {"192.0.0.8", false},
        {"192.0.2.1", false},
        {"192.168.0.0", false},
        {"192.168.255.255", false},
        {"198.18.0.0", false},
        {"198.19.255.255", false},
        {"198.51.100.7", false},
        {"203.0.113.7", false},
        {"224.0.0.1", false},
        {"239.255.255.255", false},
        {"240.0.0.1", false},
        {"255.255.255.255", false},
        {"2606:4700:4700::1111", true},
        {"2a00::1", true},
        {"3ffe::1", true},
        {"::", false},
        {"::1", false},
        {"::ffff:127.0.0.1", false},
        {"::ffff:169.254.169.254", false},
        {"::ffff:1.1.1.1", true},
        {"::127.0.0.1", false}, /* compatible */
        {"::1.1.1.1", false},
        {"64:ff9b::7f00:1", false}, /* NAT64 */
        {"64:ff9b::a9fe:a9fe", false},
        {"64:ff9b::101:101", true},
        {"64:ff9b:1::1", false},
        {"100::1", false},
        {"2001::1", false}, /* Teredo */
        {"2001:1ff::1", false},
        {"2001:200::1", true},
        {"2001:db8::1", false},
        {"2002:7f00:1::1", false}, /* 6to4 */
        {"2002:a00:1::1", false},
        {"2002:101:101::1", true},
        {"3fff:fff::1", false},
        {"3fff:1000::1", true},
        {"4000::1", false},
        {"fc00::1", false},
        {"fdff::1", false},
        {"fe80::1", false},
        {"fec0::1", false},
        {"ff02::1", false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint8_t addr[16];
        assert_int_equal(tg_ip_parse(tg_str(rows[i].address), addr), TG_OK);
        if (tg_address_is_public(addr) != rows[i].is) {
            fail_msg("%s", rows[i].address);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_public)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
