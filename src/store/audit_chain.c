#include "store/audit_chain.h"

#include "base/buf.h"
#include "keyring/keyring.h"

#define ROW_MAX ((size_t)64 << 20)

static void netstring(tg_buf_t *out, tg_str_t s) {
    tg_buf_putf(out, "%zu:", s.n);
    tg_buf_put(out, s);
    tg_buf_putc(out, ',');
}

static void netstring_number(tg_buf_t *out, int64_t n) {
    char mem[24];
    tg_buf_t text;
    tg_buf_init_fixed(&text, mem, sizeof(mem));
    tg_buf_putf(&text, "%lld", (long long)n);
    netstring(out, tg_buf_str(&text));
}

tg_err_t tg_audit_hash(const tg_audit_t *row, uint8_t hash[TG_AUDIT_HASH_LEN]) {
    tg_buf_t b;
    tg_buf_init(&b, ROW_MAX);
    tg_buf_put(&b, tg_strn((const char *)row->previous, TG_AUDIT_HASH_LEN));
    netstring_number(&b, row->seq);
    netstring_number(&b, row->at);
    netstring(&b, row->who);
    netstring(&b, row->what);
    netstring(&b, row->project);
    netstring(&b, row->before);
    netstring(&b, row->after);
    tg_err_t err = b.err ? b.err : tg_sha256(tg_buf_str(&b), hash);
    tg_buf_release(&b);
    return err;
}

tg_err_t tg_audit_link(const tg_audit_t *head, int64_t last, tg_audit_t *row) {
    row->seq = (last > head->seq ? last : head->seq) + 1;
    memcpy(row->previous, head->hash, TG_AUDIT_HASH_LEN);
    return tg_audit_hash(row, row->hash);
}
