/*
 * A statement of an administrator. What keeps the rule has its markers outside of quotes, no ';' and no comment, and is
 * the same text with `?` for them, as many as there are names.
 */
#include <stdlib.h>

#include "identity/database/odbc.h"
#include "model/sql_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static size_t outside_quotes(tg_str_t s, char wanted) {
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\'' || s.p[i] == '"' || s.p[i] == '`') {
            char quote = s.p[i++];
            while (i < s.n && s.p[i] != quote) {
                i++;
            }
        } else {
            n += s.p[i] == wanted;
        }
    }
    return n;
}

static void require_statement(tg_str_t sql, bool password) {
    tg_arena_t a;
    tg_odbc_statement_t s;
    tg_buf_t text;
    tg_arena_init(&a, 1 << 20);
    tg_buf_init(&text, 1 << 20);
    tg_err_t err = tg_odbc_statement(&a, sql, &s);
    require(err == TG_OK || err == TG_ERR_LIMIT);
    if (!err) {
        bool has_password = false;
        tg_buf_put_wide(&text, s.sql.p, s.sql.n);
        require(outside_quotes(tg_buf_str(&text), '?') == s.n_markers && s.n_markers > 0);
        require(outside_quotes(tg_buf_str(&text), ';') == 0);
        for (size_t i = 0; i < s.n_markers; i++) {
            has_password |= s.is_password[i];
        }
        require(has_password == password);
    }
    tg_buf_release(&text);
    tg_arena_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_str_t sql = tg_strn(data, size);
    for (int password = 0; password < 2; password++) {
        if (tg_sql_rule(sql, true, password) == NULL) {
            require_statement(sql, password);
        }
    }
    return 0;
}
