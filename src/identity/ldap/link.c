#include "identity/ldap/link.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "identity/ldap/dial.h"
#include "identity/ldap/state.h"
#include "identity/ldap/tls.h"
#include "identity/parts.h"

/* ---- the address ---- */

static const char *url_refused(const LDAPURLDesc *d) {
    if (strcmp(d->lud_scheme, "ldap") != 0 && strcmp(d->lud_scheme, "ldaps") != 0) {
        return "must be ldap:// or ldaps://";
    }
    if (d->lud_host == NULL || d->lud_host[0] == '\0') {
        return "must name a host";
    }
    if ((d->lud_dn != NULL && d->lud_dn[0] != '\0') || d->lud_attrs != NULL || d->lud_filter != NULL ||
        d->lud_exts != NULL || d->lud_next != NULL) {
        return "must have nothing behind host and port";
    }
    return NULL;
}

static tg_err_t server_fill(tg_ldap_server_t *s, const LDAPURLDesc *d) {
    bool v6 = strchr(d->lud_host, ':') != NULL;
    char url[512];
    s->tls = strcmp(d->lud_scheme, "ldaps") == 0;
    s->port = d->lud_port != 0 ? d->lud_port : s->tls ? LDAPS_PORT : LDAP_PORT;
    snprintf(url, sizeof(url), v6 ? "%s://[%s]:%d" : "%s://%s:%d", d->lud_scheme, d->lud_host, s->port);
    s->host = strdup(d->lud_host);
    s->url = strdup(url);
    return s->host != NULL && s->url != NULL ? TG_OK : TG_ERR_NOMEM;
}

tg_err_t tg_ldap_server_parse(tg_ldap_server_t *s, const tg_ldap_provider_t *p, tg_fault_t *fault) {
    LDAPURLDesc *d = NULL;
    char text[512];
    const char *refused = "is no LDAP URL";
    tg_err_t err = TG_ERR_INVALID;
    *s = (tg_ldap_server_t){.start_tls = p->start_tls, .verify = &p->tls};
    if (p->url.n < sizeof(text) / 2 && tg_str_is_utf8(p->url)) {
        snprintf(text, sizeof(text), "%.*s", TG_STR_ARGS(p->url));
        if (ldap_url_parse(text, &d) == LDAP_URL_SUCCESS) {
            refused = url_refused(d);
            err = refused == NULL ? server_fill(s, d) : TG_ERR_INVALID;
            ldap_free_urldesc(d);
        }
    }
    if (err == TG_OK && s->tls && s->start_tls) {
        tg_ldap_server_release(s);
        return tg_fault(fault, TG_ERR_INVALID, "startTls", "is not for ldaps://");
    }
    if (err) {
        tg_ldap_server_release(s);
    }
    return err == TG_ERR_INVALID ? tg_fault(fault, err, "url", "%s", refused) : err;
}

void tg_ldap_server_release(tg_ldap_server_t *s) {
    free(s->url);
    free(s->host);
    *s = (tg_ldap_server_t){0};
}

/* ---- waiting ---- */

static int last_code(LDAP *ld) {
    int code = LDAP_OTHER;
    ldap_get_option(ld, LDAP_OPT_RESULT_CODE, &code);
    return code;
}

/* A request could not be sent, or its answer not be read. What is left of the connection is of no use. */
static tg_err_t lost(tg_ldap_link_t *l, const char *step, int64_t since) {
    int code = last_code(l->ld);
    bool late = code == LDAP_TIMEOUT || tg_identity_left_ms(l->wire.deadline) == 0;
    l->lost = !late;
    tg_ldap_link_close(l);
    if (code == LDAP_NO_MEMORY) {
        return TG_ERR_NOMEM;
    }
    return tg_identity_fail(l->handle, TG_ERR_UNAVAILABLE, step, since, "%s",
                            late                   ? "no answer in time"
                            : code == LDAP_SUCCESS ? "the server ends the connection"
                                                   : ldap_err2string(code));
}

/* The next message to `id`. It is asked for any, because libldap reads a notice of disconnection (RFC 4511 4.4.1) by
 * itself otherwise, with a leak, and with an assertion on what the server has put into it. */
static tg_err_t answer_wait(tg_ldap_link_t *l, const char *step, int64_t since, int id, LDAPMessage **out) {
    int ms = tg_identity_left_ms(l->wire.deadline);
    struct timeval left = {.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    *out = NULL;
    if (ms > 0 && ldap_result(l->ld, LDAP_RES_ANY, LDAP_MSG_ONE, &left, out) > 0 && ldap_msgid(*out) == id) {
        return TG_OK;
    }
    if (*out != NULL) {
        ldap_msgfree(*out);
        *out = NULL;
    }
    return lost(l, step, since);
}

/* ---- opening and closing ---- */

/* Nobody has asked, so what can be read is an end: a close, or a notice of disconnection (RFC 4511 4.4.1). */
static bool is_over(int fd) {
    struct pollfd p = {.fd = fd, .events = POLLIN};
    return poll(&p, 1, 0) != 0;
}

void tg_ldap_link_begin(tg_ldap_link_t *l) {
    l->lost = false;
    if (l->ld != NULL && is_over(l->wire.fd)) {
        tg_ldap_link_close(l);
    }
    l->reused = l->ld != NULL;
}

void tg_ldap_link_close(tg_ldap_link_t *l) {
    l->wire.deadline = 0;
    if (l->ld != NULL) {
        ldap_unbind_ext(l->ld, NULL, NULL); /* closes the socket too */
    }
    l->ld = NULL;
    l->bound = false;
}

static tg_err_t adopt(tg_ldap_link_t *l, int fd, int64_t since) {
    int code = tg_ldap_wire_adopt(&l->wire, fd, l->server->url, &l->ld);
    if (code == LDAP_SUCCESS || code == LDAP_NO_MEMORY) {
        return code == LDAP_SUCCESS ? TG_OK : TG_ERR_NOMEM;
    }
    return tg_identity_fail(l->handle, TG_ERR_UNAVAILABLE, "connect", since, "%s", ldap_err2string(code));
}

/* RFC 4511 4.14 */
static tg_err_t start_tls(tg_ldap_link_t *l) {
    int64_t since = tg_identity_now();
    int id, code = LDAP_OTHER;
    LDAPMessage *answer;
    if (ldap_start_tls(l->ld, NULL, NULL, &id) != LDAP_SUCCESS) {
        return lost(l, "tls", since);
    }
    tg_err_t err = answer_wait(l, "tls", since, id, &answer);
    if (err) {
        return err;
    }
    if (ldap_parse_result(l->ld, answer, &code, NULL, NULL, NULL, NULL, 1) != LDAP_SUCCESS) {
        code = LDAP_DECODING_ERROR;
    }
    return code == LDAP_SUCCESS ? TG_OK
                                : tg_identity_fail(l->handle, TG_ERR_UNAVAILABLE, "tls", since,
                                                   "the server refuses StartTLS: %s", ldap_err2string(code));
}

static tg_err_t secure(tg_ldap_link_t *l, int64_t deadline) {
    tg_err_t err = l->server->start_tls ? start_tls(l) : TG_OK;
    if (!err && (l->server->tls || l->server->start_tls)) {
        err = tg_ldap_tls(l->handle, l->ld, l->server->verify, l->server->host, deadline);
    }
    return err;
}

tg_err_t tg_ldap_link_open(tg_ldap_link_t *l, int64_t deadline) {
    int64_t since = tg_identity_now();
    int fd = -1;
    l->wire.deadline = deadline;
    if (l->ld != NULL) {
        return TG_OK;
    }
    tg_err_t err = tg_ldap_dial(l->handle, l->server->host, l->server->port, deadline, &fd);
    if (!err) {
        err = adopt(l, fd, since);
    }
    if (!err) {
        err = secure(l, deadline);
    }
    if (err) {
        tg_ldap_link_close(l);
    }
    return err;
}

/* ---- binds ---- */

static void policy_read(LDAP *ld, LDAPControl **controls, tg_ldap_bound_t *out) {
    LDAPControl *c = ldap_control_find(LDAP_CONTROL_PASSWORDPOLICYRESPONSE, controls, NULL);
    ber_int_t expires, grace;
    LDAPPasswordPolicyError error = PP_noError;
    if (c != NULL && ldap_parse_passwordpolicy_control(ld, c, &expires, &grace, &error) == LDAP_SUCCESS &&
        error != PP_noError) {
        out->policy_error = (int)error;
    }
}

static void bound_read(LDAP *ld, LDAPMessage *answer, tg_ldap_bound_t *out) {
    LDAPControl **controls = NULL;
    char *diagnostic = NULL;
    *out = (tg_ldap_bound_t){.code = LDAP_DECODING_ERROR, .policy_error = TG_LDAP_NO_POLICY};
    if (ldap_parse_result(ld, answer, &out->code, NULL, &diagnostic, NULL, &controls, 1) != LDAP_SUCCESS) {
        out->code = LDAP_DECODING_ERROR;
    }
    snprintf(out->diagnostic, sizeof(out->diagnostic), "%s", diagnostic != NULL ? diagnostic : "");
    if (controls != NULL) {
        policy_read(ld, controls, out);
        ldap_controls_free(controls);
    }
    ldap_memfree(diagnostic);
}

static int bind_send(tg_ldap_link_t *l, const char *dn, tg_str_t password, int *id) {
    struct berval secret = {.bv_len = password.n, .bv_val = (char *)(uintptr_t)password.p};
    LDAPControl *policy = NULL;
    int code = ldap_create_passwordpolicy_control(l->ld, &policy);
    if (code == LDAP_SUCCESS) {
        LDAPControl *controls[] = {policy, NULL};
        code = ldap_sasl_bind(l->ld, dn, LDAP_SASL_SIMPLE, &secret, controls, NULL, id);
        ldap_control_free(policy);
    }
    return code;
}

tg_err_t tg_ldap_link_bind(tg_ldap_link_t *l, const char *dn, tg_str_t password, int64_t deadline,
                           tg_ldap_bound_t *out) {
    int64_t since = tg_identity_now();
    LDAPMessage *answer;
    int id;
    l->wire.deadline = deadline;
    if (dn[0] == '\0' || password.n == 0) {
        return TG_ERR_BUG;
    }
    if (bind_send(l, dn, password, &id) != LDAP_SUCCESS) {
        return lost(l, "bind", since);
    }
    tg_err_t err = answer_wait(l, "bind", since, id, &answer);
    if (!err) {
        bound_read(l->ld, answer, out);
    }
    return err;
}

/* ---- searches ---- */

static int search_send(tg_ldap_link_t *l, const tg_ldap_search_t *s, int *id) {
    struct timeval limit = {.tv_sec = tg_identity_left_ms(l->wire.deadline) / 1000 + 1};
    LDAPControl *paging = NULL;
    int code = s->cookie != NULL ? ldap_create_page_control(l->ld, s->page, s->cookie, 0, &paging) : LDAP_SUCCESS;
    if (code == LDAP_SUCCESS) {
        LDAPControl *controls[] = {paging, NULL};
        code = ldap_search_ext(l->ld, s->base, (int)s->scope, s->filter, s->attributes, 0, controls, NULL, &limit,
                               s->cookie != NULL ? LDAP_NO_LIMIT : s->most, id);
    }
    if (paging != NULL) {
        ldap_control_free(paging);
    }
    return code;
}

/* The cookie of the next page; "" at the end, and from servers that have no pages. */
static void cookie_read(LDAP *ld, LDAPControl **controls, struct berval *cookie) {
    LDAPControl *c = controls != NULL ? ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, controls, NULL) : NULL;
    ber_int_t estimate;
    ber_memfree(cookie->bv_val);
    *cookie = (struct berval){0};
    if (c != NULL && ldap_parse_pageresponse_control(ld, c, &estimate, cookie) != LDAP_SUCCESS) {
        *cookie = (struct berval){0};
    }
}

static void result_read(LDAP *ld, LDAPMessage *message, const tg_ldap_search_t *s, int *code) {
    LDAPControl **controls = NULL;
    if (ldap_parse_result(ld, message, code, NULL, NULL, NULL, &controls, 0) != LDAP_SUCCESS) {
        *code = LDAP_DECODING_ERROR;
    }
    if (s->cookie != NULL) {
        cookie_read(ld, controls, s->cookie);
    }
    if (controls != NULL) {
        ldap_controls_free(controls);
    }
}

/* The next message of a search; *over: it was the last. */
static tg_err_t search_step(tg_ldap_link_t *l, const tg_ldap_search_t *s, LDAPMessage *m, int *seen,
                            tg_ldap_entry_fn each, void *ctx, int *code, bool *over) {
    int type = ldap_msgtype(m);
    if (type == LDAP_RES_SEARCH_RESULT) {
        result_read(l->ld, m, s, code);
        *over = true;
        return TG_OK;
    }
    if (type != LDAP_RES_SEARCH_ENTRY) {
        return TG_OK; /* a reference to elsewhere: not followed */
    }
    if (++*seen > s->most) {
        *code = LDAP_SIZELIMIT_EXCEEDED;
        *over = true;
        tg_ldap_link_close(l); /* the rest is still on its way */
        return TG_OK;
    }
    return each(ctx, l->ld, m);
}

tg_err_t tg_ldap_link_search(tg_ldap_link_t *l, const tg_ldap_search_t *s, int64_t deadline, tg_ldap_entry_fn each,
                             void *ctx, int *code) {
    int64_t since = tg_identity_now();
    int id, seen = 0;
    bool over = false;
    *code = LDAP_OTHER;
    l->wire.deadline = deadline;
    if (search_send(l, s, &id) != LDAP_SUCCESS) {
        return lost(l, s->step, since);
    }
    while (!over) {
        LDAPMessage *m;
        tg_err_t err = answer_wait(l, s->step, since, id, &m);
        if (err) {
            return err;
        }
        err = search_step(l, s, m, &seen, each, ctx, code, &over);
        ldap_msgfree(m);
        if (err) {
            tg_ldap_link_close(l);
            return err;
        }
    }
    return TG_OK;
}
