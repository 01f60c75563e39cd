#include "cli/suggest.h"

#include <ctype.h>
#include <string.h>

#define LENGTH_MAX 64

static size_t least(size_t a, size_t b, size_t c) {
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

/* Letters to add, take away or change (Levenshtein), case apart. */
static size_t distance(const char *a, const char *b) {
    size_t row[LENGTH_MAX + 1], n = strlen(b);
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= n; j++) {
            size_t same = tolower((unsigned char)a[i]) == tolower((unsigned char)b[j - 1]) ? 0 : 1;
            size_t here = least(row[j] + 1, row[j - 1] + 1, diagonal + same);
            diagonal = row[j];
            row[j] = here;
        }
    }
    return row[n];
}

tg_suggestion_t tg_suggestion_start(const char *typed) {
    size_t n = strlen(typed);
    return (tg_suggestion_t){typed, NULL, n < 3 ? 2 : n < 7 ? 3 : 4};
}

void tg_suggestion_try(tg_suggestion_t *s, const char *name) {
    if (strlen(s->typed) > LENGTH_MAX || strlen(name) > LENGTH_MAX)
        return;
    size_t d = distance(s->typed, name);
    if (d < s->distance) {
        s->distance = d;
        s->name = name;
    }
}
