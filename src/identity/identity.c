#include "identity/identity.h"

#include "identity/database/database.h"
#include "identity/http/http.h"
#include "identity/ldap/ldap.h"
#include "identity/parts.h"

typedef struct {
    tg_provider_type_t type;
    tg_err_t (*init)(void); /* NULL: nothing is wanted */
    tg_err_t (*open)(const tg_identity_provider_t *p, tg_identity_t **out, tg_fault_t *fault);
} kind_t;

static const kind_t kinds[] = {
    {TG_PROVIDER_LDAP, tg_identity_ldap_init, tg_identity_ldap_open},
    {TG_PROVIDER_DATABASE, NULL, tg_identity_database_open},
    {TG_PROVIDER_API, tg_identity_http_init, tg_identity_http_open},
};

#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

tg_err_t tg_identity_init(void) {
    for (size_t i = 0; i < KINDS; i++) {
        tg_err_t err = kinds[i].init != NULL ? kinds[i].init() : TG_OK;
        if (err) {
            return err;
        }
    }
    return TG_OK;
}

tg_err_t tg_identity_open(const tg_identity_provider_t *p, tg_identity_t **out, tg_fault_t *fault) {
    *out = NULL;
    for (size_t i = 0; i < KINDS; i++) {
        if (kinds[i].type == p->type) {
            return kinds[i].open(p, out, fault);
        }
    }
    return tg_fault(fault, TG_ERR_INVALID, "type", "is none of the known types");
}

const char *tg_identity_verdict_name(tg_identity_verdict_t v) {
    switch (v) {
    case TG_IDENTITY_OK:
        return "ok";
    case TG_IDENTITY_NOBODY:
        return "nobody";
    case TG_IDENTITY_PASSWORD:
        return "wrong_password";
    case TG_IDENTITY_DISABLED:
        return "disabled";
    }
    return "unknown";
}

/* ---- what holds for every provider ---- */

static bool name_can_be(tg_str_t name) {
    return name.n > 0 && name.n <= TG_IDENTITY_USERNAME_MAX && tg_str_is_utf8(name);
}

static bool password_can_be(tg_str_t password) {
    return password.n > 0 && password.n <= TG_IDENTITY_PASSWORD_MAX && tg_str_is_utf8(password);
}

static void begin(tg_identity_t *h, tg_identity_answer_t *answer) {
    h->fault = (tg_fault_t){0};
    *answer = (tg_identity_answer_t){0};
}

static tg_err_t decided(const tg_identity_t *h, const char *step, tg_identity_verdict_t verdict, const char *why,
                        tg_identity_answer_t *answer) {
    tg_identity_step(h, step, false, tg_identity_now(), "%s", why);
    answer->verdict = verdict;
    return TG_OK;
}

tg_err_t tg_identity_check(tg_identity_t *h, const tg_identity_question_t *q, tg_arena_t *a,
                           tg_identity_answer_t *answer) {
    begin(h, answer);
    if (!name_can_be(q->username)) {
        return decided(h, "username", TG_IDENTITY_NOBODY, "1 to 256 bytes of UTF-8 can be a name", answer);
    }
    if (!password_can_be(q->password)) {
        return decided(h, "password", TG_IDENTITY_PASSWORD, "1 to 4096 bytes of UTF-8 can be a password", answer);
    }
    return h->ops->check(h, q, a, answer);
}

tg_err_t tg_identity_look_up(tg_identity_t *h, const tg_identity_question_t *q, tg_arena_t *a,
                             tg_identity_answer_t *answer) {
    begin(h, answer);
    if (h->ops->look_up == NULL) {
        return tg_fault(&h->fault, TG_ERR_INVALID, "", "this provider cannot look users up without their password");
    }
    if (!name_can_be(q->username)) {
        return decided(h, "username", TG_IDENTITY_NOBODY, "1 to 256 bytes of UTF-8 can be a name", answer);
    }
    return h->ops->look_up(h, q, a, answer);
}
