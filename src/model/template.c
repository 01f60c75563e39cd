#include "model/template.h"

static const struct {
    tg_str_t text;
    int place;
} places[] = {
    {TG_STR("{{username}}"), TG_PLACE_USERNAME},
    {TG_STR("{{password}}"), TG_PLACE_PASSWORD},
    {TG_STR("{{clientId}}"), TG_PLACE_CLIENT_ID},
    {TG_STR("{{address}}"), TG_PLACE_ADDRESS},
};

/* Of the first "{{", or the length. */
static size_t next_open(tg_str_t s) {
    for (size_t i = 0; i + 1 < s.n; i++) {
        if (s.p[i] == '{' && s.p[i + 1] == '{') {
            return i;
        }
    }
    return s.n;
}

bool tg_template_take(tg_str_t *rest, tg_str_t *before, int *place) {
    if (rest->n == 0) {
        return false;
    }
    size_t n = next_open(*rest);
    *before = tg_strn(rest->p, n);
    *rest = tg_strn(rest->p + n, rest->n - n);
    *place = rest->n > 0 ? -1 : 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (tg_str_starts(*rest, places[i].text)) {
            *place = places[i].place;
            *rest = tg_strn(rest->p + places[i].text.n, rest->n - places[i].text.n);
            return true;
        }
    }
    *rest = *place < 0 ? tg_strn(rest->p + 2, rest->n - 2) : TG_STR_NONE;
    return true;
}

const char *tg_template_rule(tg_str_t text, unsigned allowed) {
    tg_str_t before;
    int place;
    while (tg_template_take(&text, &before, &place)) {
        if (place < 0) {
            return "has '{{' without username, password, clientId or address and '}}' behind it";
        }
        if (place == TG_PLACE_PASSWORD && (allowed & TG_PLACE_PASSWORD) == 0) {
            return "must not have {{password}}";
        }
        if (((unsigned)place & allowed) != (unsigned)place) {
            return "has a {{...}} that is not for this field";
        }
    }
    return NULL;
}

size_t tg_template_count(tg_str_t text, unsigned bits) {
    tg_str_t before;
    int place;
    size_t n = 0;
    while (tg_template_take(&text, &before, &place)) {
        n += place > 0 && ((unsigned)place & bits) != 0;
    }
    return n;
}
