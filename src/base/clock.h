/*
 * Moments and spans as numbers. Moments are milliseconds since 1970-01-01T00:00:00Z (tg_ms_t); nobody here reads a
 * clock: the edge does and passes the value in.
 */
#ifndef TG_BASE_CLOCK_H
#define TG_BASE_CLOCK_H

#include "base/buf.h"

typedef int64_t tg_ms_t;

#define TG_SECOND_MS ((tg_ms_t)1000)
#define TG_HOUR_MS   (3600 * TG_SECOND_MS)
#define TG_DAY_MS    (24 * TG_HOUR_MS)

/* MILLI_SECONDS, SECONDS, ... YEARS and the singulars (token-api.md, "Token settings"): milliseconds in one unit, or 0
 * if the name is none of them. MONTHS are 30 d, YEARS 365 d. */
tg_ms_t tg_unit_ms(tg_str_t unit);
/* amount * unit in whole seconds, rounded up, at least 1; 0 if the unit is unknown, amount < 1, or it overflows
 * 100 years. */
int64_t tg_lifetime_seconds(int64_t amount, tg_str_t unit);

/* 2026-11-23T17:18:42.123Z (24 characters). Moments outside the years 0000 to 9999 are written as the nearest end. */
void tg_buf_put_iso8601(tg_buf_t *b, tg_ms_t at);
/* The same form, with or without fraction, Z only; also a date alone (midnight UTC). */
tg_err_t tg_iso8601_parse(tg_str_t s, tg_ms_t *out) TG_MUST_CHECK;

#endif
