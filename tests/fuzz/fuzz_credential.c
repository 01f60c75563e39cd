/* Bodies about credentials: what is accepted is stored, reads back as the same, and a gateway can read what is made of
 * it; and the texts that a gateway reads, as they come. */
#include <stdlib.h>

#include "model/credential.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void require_fault(const tg_fault_t *fault) {
    require(fault->text[0] != '\0');
    for (const char *c = fault->field; *c != '\0'; c++) {
        require(*c >= 0x20 && *c < 0x7f);
    }
}

static bool entries_equal(const tg_metadata_entry_t *a, const tg_metadata_entry_t *b) {
    return tg_str_eq(a->key, b->key) && tg_str_eq(a->value, b->value) && tg_str_eq(a->sealed, b->sealed) &&
           tg_str_eq(a->jwt_claim, b->jwt_claim) && a->secret == b->secret && a->in_jwt == b->in_jwt &&
           a->in_response == b->in_response;
}

/* As the manager does, with what stands for the master key's work. */
static void entries_seal(tg_metadata_entry_t *entries, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (entries[i].secret) {
            entries[i].sealed = TG_STR("sealed");
            entries[i].value = TG_STR_NONE;
        }
    }
}

static void details_of(const tg_credential_t *c, tg_arena_t *a) {
    tg_details_t d;
    tg_buf_t text;
    tg_str_t environment = c->n_environments > 0 ? c->environments[0].environment : TG_STR("e");
    bool has_ips = c->n_environments > 0 && c->environments[0].has_ips;
    tg_buf_init(&text, 8 * TG_DETAILS_MAX);
    require(tg_credential_details_write(c, NULL, &text) == TG_OK);
    require(tg_details_parse(tg_buf_str(&text), environment, a, &d, NULL) == TG_OK);
    require(d.n_roles == c->n_roles && d.n_metadata == c->n_metadata);
    require(d.n_ips == (has_ips ? c->environments[0].n_ips : c->n_ips));
    for (size_t i = 0; i < d.n_metadata; i++) {
        require(entries_equal(&d.metadata[i], &c->metadata[i]));
    }
    tg_buf_release(&text);
}

static void stored(const json_t *once, tg_arena_t *a) {
    tg_credential_t c;
    require(tg_credential_read_stored(once, a, &c, NULL) == TG_OK);
    json_t *twice = tg_credential_write(&c);
    require(twice != NULL && json_equal(once, twice));
    json_decref(twice);
    details_of(&c, a);
}

static void credential(const json_t *body, tg_arena_t *a) {
    tg_credential_t c;
    tg_fault_t fault = {.field = ""};
    if (tg_credential_parse(body, a, &c, &fault)) {
        require_fault(&fault);
    } else {
        entries_seal(c.metadata, c.n_metadata);
        json_t *once = tg_credential_write(&c);
        stored(once, a);
        json_decref(once);
    }
    if (tg_credential_read_stored(body, a, &c, NULL) == TG_OK) {
        json_t *once = tg_credential_write(&c);
        stored(once, a);
        json_decref(once);
    }
}

static void token(const json_t *body, tg_arena_t *a) {
    tg_token_settings_t t;
    if (tg_credential_token_parse(body, a, &t, NULL)) {
        return;
    }
    json_t *once = tg_credential_token_write(&t);
    require(tg_credential_token_parse(once, a, &t, NULL) == TG_OK);
    json_t *twice = tg_credential_token_write(&t);
    require(twice != NULL && json_equal(once, twice));
    json_decref(once);
    json_decref(twice);
}

static void organization(const json_t *body, tg_arena_t *a) {
    tg_organization_t o;
    tg_fault_t fault = {.field = ""};
    if (tg_organization_parse(body, a, &o, &fault)) {
        require_fault(&fault);
        return;
    }
    entries_seal(o.metadata, o.n_metadata);
    json_t *once = tg_organization_write(&o);
    require(tg_organization_read_stored(once, a, &o, NULL) == TG_OK);
    json_t *twice = tg_organization_write(&o);
    require(twice != NULL && json_equal(once, twice));
    json_decref(once);
    json_decref(twice);
}

static void stored_organization(const json_t *doc, tg_arena_t *a) {
    tg_organization_t o;
    if (tg_organization_read_stored(doc, a, &o, NULL)) {
        return;
    }
    for (size_t i = 0; i < o.n_metadata; i++) {
        require((o.metadata[i].sealed.n > 0) == o.metadata[i].secret);
        require((o.metadata[i].value.n == 0) == o.metadata[i].secret);
    }
}

static void row(const tg_access_row_t *r, tg_arena_t *a) {
    tg_access_t access;
    tg_buf_t text;
    tg_str_t environment = r->n_settings > 0 ? r->settings[0].environment : TG_STR("e");
    json_t *written = tg_access_row_write(r);
    tg_buf_init(&text, 1 << 20);
    require(written != NULL && tg_json_write(written, &text) == TG_OK);
    require(tg_access_parse(tg_buf_str(&text), 7, environment, a, &access, NULL) == TG_OK);
    require(access.allowed && access.target == 7);
    if (r->n_settings > 0) {
        require(access.disallowed == r->settings[0].disallowed && access.expires_at == r->settings[0].expires_at);
        require(access.limits.quota.interval_ms == r->settings[0].limits.quota.interval_ms);
        require(access.limits.throttling.interval_ms == r->settings[0].limits.throttling.interval_ms);
    }
    json_decref(written);
    tg_buf_release(&text);
}

static void access_list(const json_t *body, tg_arena_t *a) {
    tg_access_row_t *rows;
    size_t n;
    tg_fault_t fault = {.field = ""};
    if (tg_access_list_parse(body, a, &rows, &n, &fault)) {
        require_fault(&fault);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        row(&rows[i], a);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    json_t *body;
    tg_arena_t a;
    tg_details_t details;
    tg_access_t access;
    tg_str_t text = tg_strn(data, size);
    if (size > 1 << 16) {
        return 0;
    }
    tg_arena_init(&a, 64 << 20);
    if (tg_json_parse(text, 1 << 16, 16, &body, NULL) == TG_OK) {
        credential(body, &a);
        token(body, &a);
        organization(body, &a);
        stored_organization(body, &a);
        access_list(body, &a);
        json_decref(body);
    }
    require(tg_details_parse(text, TG_STR("test"), &a, &details, NULL) != TG_ERR_BUG);
    require((tg_access_parse(text, 7, TG_STR("test"), &a, &access, NULL) == TG_OK) == access.allowed);
    tg_arena_release(&a);
    return 0;
}
