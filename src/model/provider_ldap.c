#include "model/ldap_text.h"
#include "model/provider.h"
#include "model/url.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define BASES_MAX     16
#define ATTRIBUTE_MAX 128
#define LDAP(member)  offsetof(tg_identity_provider_t, of.ldap.member)

static const tg_choice_t authentication_choices[] = {
    {"SIMPLE", TG_LDAP_SIMPLE, false}, {"ADVANCED", TG_LDAP_ADVANCED, false}, {NULL, 0, false}};
static const tg_choice_t scope_choices[] = {{"SUBTREE", TG_LDAP_SUBTREE, false},
                                            {"ONELEVEL", TG_LDAP_ONELEVEL, false},
                                            {"BASE", TG_LDAP_BASE, false},
                                            {NULL, 0, false}};
static const tg_choice_t member_choices[] = {{"DN", false, false}, {"LOGIN", true, false}, {NULL, 0, false}};

/* ---- readers ---- */

static tg_err_t read_url(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    const tg_str_t *url = out;
    tg_err_t err = tg_read_line(r, at, f, v, out);
    if (err) {
        return err;
    }
    size_t scheme = tg_str_starts(*url, TG_STR("ldap://")) ? 7 : tg_str_starts(*url, TG_STR("ldaps://")) ? 8 : 0;
    tg_str_t host = tg_strn(url->p + scheme, url->n - scheme);
    host.n -= tg_str_ends(host, TG_STR("/"));
    if (scheme == 0 || !tg_host_port_is_valid(host)) {
        return tg_refuse(r, at, "must be ldap:// or ldaps:// and a host with or without a port");
    }
    return TG_OK;
}

static tg_err_t read_attribute(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                               void *out) {
    tg_str_t *name = out;
    tg_err_t err = tg_read_line(r, at, f, v, out);
    bool any = f->more != NULL && tg_str_eq(*name, TG_STR("*"));
    if (!err && !any && !tg_is_attribute(*name, false)) {
        err = tg_refuse(r, at, "must be a name of letters, digits and '-', or an object identifier (RFC 4512 1.4)");
    }
    return err;
}

static tg_err_t read_base(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v, void *out) {
    const tg_field_t text = {.min = 1, .max = TG_PROVIDER_TEXT_MAX};
    (void)f;
    tg_err_t err = tg_read_line(r, at, &text, v, out);
    const char *why = err ? NULL : tg_dn_rule(*(tg_str_t *)out);
    return why == NULL ? err : tg_refuse(r, at, "%s", why);
}

static tg_err_t read_claim(const tg_reader_t *r, const tg_place_t *at, const tg_field_t *f, const json_t *v,
                           void *out) {
    const tg_provider_claim_t *c = out;
    tg_err_t err = tg_read_claim(r, at, f, v, out);
    if (!err && !tg_is_attribute(c->source, true)) {
        err = tg_refuse(r, TG_MEMBER(at, "source"), "must be the name of an attribute (RFC 4512 2.5)");
    }
    return err;
}

static json_t *attribute_schema(const tg_field_t *f) {
    return tg_schema_pattern(f->more != NULL ? "^([A-Za-z0-9.-]+|\\*)$" : "^[A-Za-z0-9.-]+$", 1, ATTRIBUTE_MAX);
}

static json_t *url_schema(const tg_field_t *f) {
    return tg_schema_pattern("^ldaps?://", 1, f->max);
}

static const tg_field_t base_text = {.max = TG_PROVIDER_TEXT_MAX};

static json_t *base_schema(const tg_field_t *f) {
    (void)f;
    return tg_schema_text(&base_text);
}

/* ---- the table ---- */

#define TEXT(key, member)                                                                                              \
    { .name = (key), .read = tg_read_line, .offset = LDAP(member), .max = TG_PROVIDER_TEXT_MAX }
#define ATTRIBUTE(key, member, any)                                                                                    \
    {                                                                                                                  \
        .name = (key), .read = read_attribute, .offset = LDAP(member), .min = 1, .max = ATTRIBUTE_MAX, .more = (any),  \
        .schema = attribute_schema                                                                                     \
    }
#define SCOPE(key, member)                                                                                             \
    { .name = (key), .read = tg_read_choice, .offset = LDAP(member), .more = scope_choices }
#define BASES(key, list, count)                                                                                        \
    {                                                                                                                  \
        .name = (key), TG_TEXTS(tg_identity_provider_t, of.ldap.list, of.ldap.count, read_base), .max = BASES_MAX,     \
        .schema = base_schema                                                                                          \
    }

static const tg_field_t fields[] = {
    {.name = "url", .read = read_url, .offset = LDAP(url), .required = true, .max = TG_URL_MAX, .schema = url_schema},
    {.name = "startTls", .read = tg_read_bool, .offset = LDAP(start_tls)},
    {.name = "tls",
     .read = tg_read_provider_tls,
     .offset = LDAP(tls),
     .inner = tg_provider_tls_fields,
     .n_inner = TG_PROVIDER_TLS_FIELDS_N},
    {.name = "authenticationType",
     .read = tg_read_choice,
     .offset = LDAP(authentication),
     .required = true,
     .more = authentication_choices},
    TEXT("userConfigurationExpression", user_expression),
    TEXT("bindDn", bind_dn),
    {.name = "bindPassword", .read = tg_read_secret, .offset = LDAP(bind_password), .schema = tg_schema_secret},
    BASES("userBaseDnList", user_bases, n_user_bases),
    SCOPE("userSearchScope", user_scope),
    ATTRIBUTE("userObjectClass", user_class, "*"),
    TEXT("userFilter", user_filter),
    ATTRIBUTE("userNameAttribute", user_name, NULL),
    ATTRIBUTE("fullNameAttribute", full_name, NULL),
    ATTRIBUTE("emailAttribute", email, NULL),
    BASES("groupBaseDnList", group_bases, n_group_bases),
    SCOPE("groupSearchScope", group_scope),
    ATTRIBUTE("groupObjectClass", group_class, "*"),
    TEXT("groupFilter", group_filter),
    ATTRIBUTE("groupNameAttribute", group_name, NULL),
    ATTRIBUTE("groupMemberAttribute", group_member, NULL),
    {.name = "groupMemberType",
     .read = tg_read_either,
     .offset = LDAP(member_by_login),
     .more = member_choices,
     .schema = tg_schema_choice},
    {.name = "attributesToFetch", TG_CLAIMS_ROW(of.ldap.claims, of.ldap.n_claims, read_claim)},
};

static void init(tg_identity_provider_t *p) {
    p->of.ldap = (tg_ldap_provider_t){.tls.verify = true,
                                      .authentication = TG_LDAP_ADVANCED,
                                      .user_scope = TG_LDAP_SUBTREE,
                                      .user_class = TG_STR("inetOrgPerson"),
                                      .user_name = TG_STR("uid"),
                                      .full_name = TG_STR("cn"),
                                      .email = TG_STR("mail"),
                                      .group_scope = TG_LDAP_SUBTREE,
                                      .group_class = TG_STR("groupOfUniqueNames"),
                                      .group_name = TG_STR("cn"),
                                      .group_member = TG_STR("uniqueMember")};
}

/* ---- rules between fields ---- */

static const char *expression_rule(tg_str_t text) {
    const char *why = tg_template_rule(text, TG_PLACE_USERNAME);
    if (why == NULL && tg_template_count(text, TG_PLACE_USERNAME) != 1) {
        why = "must have {{username}} once";
    }
    return why != NULL ? why : tg_dn_rule(text);
}

static tg_err_t simple_check(const tg_reader_t *r, const tg_place_t *at, const json_t *doc,
                             const tg_ldap_provider_t *l) {
    static const char *const others[] = {
        "bindDn", "bindPassword", "userBaseDnList", "userSearchScope", "userObjectClass", "userFilter", NULL};
    tg_err_t err = tg_refuse_members(r, at, doc, others, "is for authenticationType ADVANCED");
    if (!err && l->user_expression.n == 0) {
        err = tg_refuse(r, TG_MEMBER(at, "userConfigurationExpression"), "is required with SIMPLE");
    }
    return err ? err : tg_want_rule(r, at, "userConfigurationExpression", l->user_expression, expression_rule);
}

static tg_err_t advanced_check(const tg_reader_t *r, const tg_place_t *at, const json_t *doc,
                               const tg_ldap_provider_t *l) {
    static const char *const others[] = {"userConfigurationExpression", NULL};
    tg_err_t err = tg_refuse_members(r, at, doc, others, "is for authenticationType SIMPLE");
    if (!err && l->n_user_bases == 0) {
        err = tg_refuse(r, TG_MEMBER(at, "userBaseDnList"), "must not be empty with ADVANCED");
    }
    if (!err) {
        err = tg_want_rule(r, at, "bindDn", l->bind_dn, tg_dn_rule);
    }
    if (!err && l->bind_dn.n == 0 && (l->bind_password.clear.n > 0 || l->bind_password.sealed.n > 0)) {
        err = tg_refuse(r, TG_MEMBER(at, "bindPassword"), "is for a bindDn");
    }
    return err ? err : tg_want_rule(r, at, "userFilter", l->user_filter, tg_filter_rule);
}

static tg_err_t check(const tg_reader_t *r, const tg_place_t *at, const json_t *doc, tg_identity_provider_t *p) {
    static const char *const client_tls[] = {"clientCertificate", "clientKey", NULL};
    const tg_ldap_provider_t *l = &p->of.ldap;
    tg_err_t err = tg_refuse_members(r, TG_MEMBER(at, "tls"), json_object_get(doc, "tls"), client_tls,
                                     "is for providers of type API");
    if (!err && l->start_tls && tg_str_starts(l->url, TG_STR("ldaps:"))) {
        err = tg_refuse(r, TG_MEMBER(at, "startTls"), "must be false with ldaps://");
    }
    if (!err) {
        err = l->authentication == TG_LDAP_SIMPLE ? simple_check(r, at, doc, l) : advanced_check(r, at, doc, l);
    }
    if (!err) {
        err = tg_want_rule(r, at, "groupFilter", l->group_filter, tg_filter_rule);
    }
    return err ? err : tg_claims_check(r, TG_MEMBER(at, "attributesToFetch"), l->claims, l->n_claims);
}

/* ---- writing ---- */

static void write_user(tg_writer_t *w, const tg_ldap_provider_t *l) {
    if (l->authentication == TG_LDAP_SIMPLE) {
        tg_write_str(w, "userConfigurationExpression", l->user_expression);
        return;
    }
    tg_write_str(w, "bindDn", l->bind_dn);
    tg_write_secret(w, "bindPassword", &l->bind_password);
    tg_write_strs(w, "userBaseDnList", l->user_bases, l->n_user_bases);
    tg_write_cstr(w, "userSearchScope", tg_choice_name(scope_choices, (int)l->user_scope));
    tg_write_str(w, "userObjectClass", l->user_class);
    tg_write_str(w, "userFilter", l->user_filter);
}

static void write_groups(tg_writer_t *w, const tg_ldap_provider_t *l) {
    tg_write_strs(w, "groupBaseDnList", l->group_bases, l->n_group_bases);
    tg_write_cstr(w, "groupSearchScope", tg_choice_name(scope_choices, (int)l->group_scope));
    tg_write_str(w, "groupObjectClass", l->group_class);
    tg_write_str(w, "groupFilter", l->group_filter);
    tg_write_str(w, "groupNameAttribute", l->group_name);
    tg_write_str(w, "groupMemberAttribute", l->group_member);
    tg_write_cstr(w, "groupMemberType", tg_choice_name(member_choices, l->member_by_login));
}

static void write(tg_writer_t *w, const tg_identity_provider_t *p) {
    const tg_ldap_provider_t *l = &p->of.ldap;
    tg_write_str(w, "url", l->url);
    tg_write_bool(w, "startTls", l->start_tls);
    tg_write_provider_tls(w, &l->tls, false);
    tg_write_cstr(w, "authenticationType", tg_choice_name(authentication_choices, (int)l->authentication));
    write_user(w, l);
    tg_write_str(w, "userNameAttribute", l->user_name);
    tg_write_str(w, "fullNameAttribute", l->full_name);
    tg_write_str(w, "emailAttribute", l->email);
    write_groups(w, l);
    tg_write_claims(w, "attributesToFetch", l->claims, l->n_claims);
}

static tg_err_t secrets(tg_identity_provider_t *p, tg_provider_secret_fn each, void *ctx) {
    return each(ctx, "bindPassword", &p->of.ldap.bind_password);
}

const tg_provider_kind_t tg_ldap_kind = {TG_PROVIDER_LDAP, "LDAP", fields, COUNT(fields), init, check, write, secrets};
