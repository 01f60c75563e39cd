/*
 * What every unit test includes: cmocka with the headers it wants before it, and a comparison of views that says what
 * differs.
 */
#ifndef TG_TEST_TESTS_H
#define TG_TEST_TESTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define assert_str(s, expected) assert_str_((s), tg_str(expected), __FILE__, __LINE__)
#define assert_bytes(s, p, n)   assert_str_((s), tg_strn((p), (n)), __FILE__, __LINE__)

static inline void assert_str_(tg_str_t s, tg_str_t expected, const char *file, int line) {
    if (!tg_str_eq(s, expected)) {
        print_error("\"%.*s\" is not \"%.*s\"\n", TG_STR_ARGS(s), TG_STR_ARGS(expected));
        _fail(file, line);
    }
}

#endif
