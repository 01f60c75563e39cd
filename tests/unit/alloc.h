/*
 * Makes allocations fail in a test. Tests are linked with --wrap=malloc,calloc,realloc: calls from our rooms and from
 * the test come here, calls inside shared libraries (jansson, OpenSSL, SQLite) do not.
 *
 *     for (long n = 0; n < 100; n++) {
 *         alloc_fail_after(n);
 *         err = tg_thing_parse(...);
 *         if (!alloc_failed()) break;         // n allocations were enough
 *         assert_int_equal(err, TG_ERR_NOMEM);
 *     }
 */
#ifndef TG_TEST_ALLOC_H
#define TG_TEST_ALLOC_H

#include <stdbool.h>

/* The next n allocations succeed, the one after them fails once. */
void alloc_fail_after(long n);
/* Whether that failure has happened; also ends the counting. */
bool alloc_failed(void);

#endif
