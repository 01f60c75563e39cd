/* Form bodies: what is accepted is UTF-8 without NUL, and survives being written and parsed again. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/form.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void write_form(const tg_form_t *f, tg_buf_t *out) {
    for (size_t i = 0; i < f->n; i++) {
        tg_buf_putc(out, '&');
        tg_buf_put_percent(out, f->pairs[i].name);
        tg_buf_putc(out, '=');
        tg_buf_put_percent(out, f->pairs[i].value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    tg_arena_t a;
    tg_buf_t text;
    tg_form_t f;
    tg_form_t again;
    tg_arena_init(&a, 1 << 20);
    tg_buf_init(&text, 1 << 20);
    if (tg_form_parse(tg_strn(data, size), 64, &a, &f) == TG_OK) {
        tg_str_t value;
        write_form(&f, &text);
        require(!text.err);
        require(tg_form_parse(tg_buf_str(&text), 64, &a, &again) == TG_OK && again.n == f.n);
        for (size_t i = 0; i < f.n; i++) {
            require(tg_str_is_utf8(f.pairs[i].name) && tg_str_is_utf8(f.pairs[i].value));
            require(tg_str_eq(f.pairs[i].name, again.pairs[i].name));
            require(tg_str_eq(f.pairs[i].value, again.pairs[i].value));
            size_t count = tg_form_find(&f, f.pairs[i].name, &value);
            require(count >= 1 && (count == 1 || tg_form_repeated(&f) != NULL));
        }
    }
    tg_buf_release(&text);
    tg_arena_release(&a);
    return 0;
}
