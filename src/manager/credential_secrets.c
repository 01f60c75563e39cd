#include "manager/credential_secrets.h"

#include <stdio.h>

#include "manager/password.h"

static tg_err_t form_set(tg_call_t *c, tg_secret_kind_t kind, tg_str_t bytes, tg_secret_form_t *out) {
    out->kind = kind;
    return tg_arena_str(&c->arena, bytes, &out->bytes) ? TG_OK : TG_ERR_NOMEM;
}

tg_err_t tg_secret_choose(tg_call_t *c, tg_str_t password, tg_secret_form_t *out) {
    char encoded[TG_ENCODED_MAX];
    tg_err_t err = tg_password_hash(password, encoded);
    return err ? err : form_set(c, TG_SECRET_ARGON2ID, tg_str(encoded), out);
}

tg_err_t tg_secret_generate(tg_call_t *c, tg_str_t client_id, char made[TG_APPLICATION_SECRET_LEN],
                            tg_secret_form_t *out) {
    uint8_t hash[TG_HASH_LEN];
    tg_random_text("tgs_", TG_SECRET_RANDOM, made);
    tg_err_t err = tg_secret_hash(&c->m->keyring, client_id, tg_str(made), hash);
    return err ? err : form_set(c, TG_SECRET_FAST, tg_strn(hash, sizeof(hash)), out);
}

void tg_secret_take(tg_client_t *client, const tg_secret_form_t *form) {
    client->secret_kind = form->kind;
    client->secret = form->bytes;
    client->generation = tg_random_number();
}

tg_err_t tg_secret_put(tg_call_t *c, int64_t key_id, int64_t environment_id, const tg_secret_form_t *form) {
    tg_client_secret_t row = {.key_id = key_id,
                              .environment_id = environment_id,
                              .generation = tg_random_number(),
                              .secret_kind = form->kind,
                              .secret = form->bytes};
    return c->store->ops->client_secret_put(c->store, &row);
}

tg_err_t tg_credential_secrets_prepare(tg_call_t *c, const tg_credential_t *fresh, tg_credential_secrets_t *out) {
    memset(out, 0, sizeof(*out));
    out->environments = tg_arena_array(&c->arena, fresh->n_environments + 1, sizeof(*out->environments));
    out->forms = tg_arena_array(&c->arena, fresh->n_environments + 1, sizeof(*out->forms));
    tg_err_t err = out->environments == NULL || out->forms == NULL ? TG_ERR_NOMEM : TG_OK;
    if (!err && fresh->has_password) {
        err = tg_secret_choose(c, fresh->password, &out->general);
    }
    for (size_t i = 0; !err && i < fresh->n_environments; i++) {
        if (fresh->environments[i].has_password) {
            out->environments[out->n] = fresh->environments[i].environment;
            err = tg_secret_choose(c, fresh->environments[i].password, &out->forms[out->n++]);
        }
    }
    return err;
}

/* ---- secrets of environments ---- */

static tg_credential_environment_t *environment_find(const tg_credential_t *k, tg_str_t name) {
    for (size_t i = 0; k != NULL && i < k->n_environments; i++) {
        if (tg_str_eq(k->environments[i].environment, name)) {
            return &k->environments[i];
        }
    }
    return NULL;
}

/* What the body left out and has a secret there. */
static tg_err_t kept_add(tg_call_t *c, const tg_credential_t *stored, tg_credential_t *fresh) {
    size_t n = fresh->n_environments + stored->n_environments;
    tg_credential_environment_t *all = tg_arena_array(&c->arena, n + 1, sizeof(*all));
    if (all == NULL) {
        return TG_ERR_NOMEM;
    }
    if (fresh->n_environments > 0) {
        memcpy(all, fresh->environments, fresh->n_environments * sizeof(*all));
    }
    fresh->environments = all;
    for (size_t i = 0; i < stored->n_environments; i++) {
        const tg_credential_environment_t *e = &stored->environments[i];
        tg_credential_environment_t *named = environment_find(fresh, e->environment);
        if (named != NULL) {
            named->has_password = named->has_password || e->has_password;
        } else if (e->has_password) {
            all[fresh->n_environments++] =
                (tg_credential_environment_t){.environment = e->environment, .has_password = true};
        }
    }
    return TG_OK;
}

static tg_err_t many_refuse(tg_call_t *c) {
    return tg_fault(&c->fault, TG_ERR_INVALID, "environments", "may be at most %d, with those that have a password",
                    TG_CREDENTIAL_ENVIRONMENTS_MAX);
}

static const tg_secret_form_t *form_find(const tg_credential_secrets_t *secrets, tg_str_t environment) {
    for (size_t i = 0; i < secrets->n; i++) {
        if (tg_str_eq(secrets->environments[i], environment)) {
            return &secrets->forms[i];
        }
    }
    return NULL;
}

static tg_err_t environment_apply(tg_call_t *c, int64_t key_id, const tg_credential_environment_t *e,
                                  const tg_credential_secrets_t *secrets) {
    tg_resource_t environment;
    const tg_secret_form_t *form = form_find(secrets, e->environment);
    tg_err_t err =
        c->store->ops->resource_find(c->store, TG_RES_ENVIRONMENT, 0, e->environment, &c->arena, &environment);
    return err || form == NULL ? err : tg_secret_put(c, key_id, environment.id, form);
}

tg_err_t tg_credential_environments_apply(tg_call_t *c, int64_t key_id, const tg_credential_t *stored,
                                          tg_credential_t *fresh, const tg_credential_secrets_t *secrets) {
    size_t kept = 0;
    tg_err_t err = stored != NULL ? kept_add(c, stored, fresh) : TG_OK;
    for (size_t i = 0; !err && i < fresh->n_environments; i++) {
        tg_credential_environment_t e = fresh->environments[i];
        char field[64];
        err = environment_apply(c, key_id, &e, secrets);
        if (!err) {
            fresh->environments[kept++] = e;
        } else if (err == TG_ERR_NOTFOUND && environment_find(stored, e.environment) == NULL) {
            snprintf(field, sizeof(field), "environments[%zu].environmentName", i);
            return tg_fault(&c->fault, TG_ERR_INVALID, field, "there is no environment \"%.*s\"",
                            TG_STR_ARGS(e.environment));
        } else if (err == TG_ERR_NOTFOUND) {
            err = TG_OK; /* it was deleted since */
        }
    }
    fresh->n_environments = err ? fresh->n_environments : kept;
    return err || kept <= TG_CREDENTIAL_ENVIRONMENTS_MAX ? err : many_refuse(c);
}
