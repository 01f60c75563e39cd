#include "identity/ldap/text.h"

#include "model/template.h"

static bool is_alnum(unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static void put_hex_pair(tg_buf_t *out, char c) {
    tg_buf_putc(out, '\\');
    tg_buf_put_hex(out, tg_strn(&c, 1));
}

/* ---- names ---- */

void tg_ldap_put_dn_value(tg_buf_t *out, tg_str_t value) {
    for (size_t i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if (c < 0x20 || c == 0x7f || strchr("\"+,;<>\\=#", c) != NULL || (c == ' ' && (i == 0 || i + 1 == value.n))) {
            put_hex_pair(out, (char)c);
        } else {
            tg_buf_putc(out, (char)c);
        }
    }
}

static tg_err_t ended(tg_buf_t *out) {
    tg_buf_putc(out, '\0');
    return out->err;
}

tg_err_t tg_ldap_user_dn(tg_str_t expression, tg_str_t username, tg_buf_t *out) {
    tg_str_t before;
    int place;
    while (tg_template_take(&expression, &before, &place)) {
        tg_buf_put(out, before);
        if (place == TG_PLACE_USERNAME) {
            tg_ldap_put_dn_value(out, username);
        }
    }
    return ended(out);
}

tg_str_t tg_ldap_expression_attribute(tg_str_t expression) {
    tg_str_t before;
    int place;
    if (!tg_template_take(&expression, &before, &place) || place != TG_PLACE_USERNAME ||
        !tg_str_ends(before, TG_STR("="))) {
        return TG_STR_NONE;
    }
    size_t end = before.n - 1, start = end;
    while (start > 0 && strchr(",+", before.p[start - 1]) == NULL) {
        start--;
    }
    tg_str_t name = tg_str_trim(tg_strn(before.p + start, end - start));
    bool whole = expression.n == 0 || strchr(",+", expression.p[0]) != NULL;
    bool plain = tg_str_find_char(before, '\\') < 0 && tg_str_find_char(name, '=') < 0;
    return whole && plain ? name : TG_STR_NONE;
}

/* ---- filters ---- */

void tg_ldap_put_filter_value(tg_buf_t *out, tg_str_t value) {
    for (size_t i = 0; i < value.n; i++) {
        char c = value.p[i];
        if (is_alnum((unsigned char)c) || (c != '\0' && strchr("._-@", c) != NULL)) {
            tg_buf_putc(out, c);
        } else {
            put_hex_pair(out, c);
        }
    }
}

static void put_class(tg_buf_t *out, tg_str_t class) {
    tg_buf_put(out, TG_STR("(objectClass="));
    tg_buf_put(out, class.n > 0 ? class : TG_STR("*"));
    tg_buf_putc(out, ')');
}

static void put_equals(tg_buf_t *out, tg_str_t attribute, tg_str_t value) {
    tg_buf_putc(out, '(');
    tg_buf_put(out, attribute);
    tg_buf_putc(out, '=');
    if (value.p == NULL) {
        tg_buf_putc(out, '*');
    } else {
        tg_ldap_put_filter_value(out, value);
    }
    tg_buf_putc(out, ')');
}

tg_err_t tg_ldap_user_filter(const tg_ldap_provider_t *p, tg_str_t username, tg_buf_t *out) {
    tg_buf_put(out, TG_STR("(&"));
    put_class(out, p->user_class);
    put_equals(out, p->user_name, username);
    tg_buf_put(out, p->user_filter);
    tg_buf_putc(out, ')');
    return ended(out);
}

tg_err_t tg_ldap_group_filter(const tg_ldap_provider_t *p, tg_str_t member, tg_buf_t *out) {
    tg_buf_put(out, TG_STR("(&"));
    put_class(out, p->group_class);
    put_equals(out, p->group_member, member.p != NULL ? member : TG_STR(""));
    tg_buf_put(out, p->group_filter);
    tg_buf_putc(out, ')');
    return ended(out);
}
