#include "model/chars.h"
#include "model/provider.h"
#include "model/sql_text.h"

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define COLUMN_MAX     128
#define ITERATIONS_MAX 10000000
#define DB(member)     offsetof(tg_identity_provider_t, of.database.member)

static const tg_choice_t format_choices[] = {{"QUERY", TG_PASSWORD_QUERY, false},
                                             {"CLEAR", TG_PASSWORD_CLEAR, false},
                                             {"DIGEST", TG_PASSWORD_DIGEST, false},
                                             {"BCRYPT", TG_PASSWORD_BCRYPT, false},
                                             {"ARGON2", TG_PASSWORD_ARGON2, false},
                                             {"PBKDF2", TG_PASSWORD_PBKDF2, false},
                                             {NULL, 0, false}};
static const tg_choice_t digest_choices[] = {{"MD5", 1, false},      {"SHA1", 2, false},     {"SHA224", 3, false},
                                             {"SHA256", 4, false},   {"SHA384", 5, false},   {"SHA512", 6, false},
                                             {"SHA3-256", 7, false}, {"SHA3-512", 8, false}, {NULL, 0, false}};
static const tg_choice_t encoding_choices[] = {{"HEX", false, false}, {"BASE64", true, false}, {NULL, 0, false}};
static const tg_choice_t position_choices[] = {{"BEFORE", false, false}, {"AFTER", true, false}, {NULL, 0, false}};

/* ---- connection string ---- */

static bool is_one_of(tg_str_t key, const tg_str_t *keys, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (tg_str_eq_ci(key, keys[i])) {
            return true;
        }
    }
    return false;
}

static const tg_str_t login_keys[] = {TG_STR("UID"), TG_STR("PWD"), TG_STR("USER"), TG_STR("USERNAME"),
                                      TG_STR("PASSWORD")};
/* What would load code or write files beside the driver's. */
static const tg_str_t unsafe_keys[] = {TG_STR("FILEDSN"), TG_STR("SAVEFILE"), TG_STR("LOADEXT"), TG_STR("TRACE"),
                                       TG_STR("TRACEFILE")};

/* A library by its path is one that was installed, not one that somebody put into a place for files. */
static bool is_installed(tg_str_t driver) {
    static const tg_str_t folders[] = {TG_STR("/usr/lib/"), TG_STR("/usr/lib64/"), TG_STR("/usr/local/lib/"),
                                       TG_STR("/opt/")};
    if (tg_str_find_char(driver, '/') < 0) {
        return true;
    }
    for (size_t i = 0; i < COUNT(folders); i++) {
        if (tg_str_starts(driver, folders[i])) {
            return memmem(driver.p, driver.n, "..", 2) == NULL;
        }
    }
    return false;
}

static const char *pair_rule(tg_str_t key, tg_str_t value) {
    if (is_one_of(key, login_keys, COUNT(login_keys))) {
        return "must not have the login: it is username and password";
    }
    if (is_one_of(key, unsafe_keys, COUNT(unsafe_keys))) {
        return "must not have FILEDSN, SAVEFILE, LOADEXT or TRACE: they load code or write files";
    }
    if (tg_str_eq_ci(key, TG_STR("DRIVER")) && !is_installed(value)) {
        return "names a driver that is neither one of odbcinst.ini nor below /usr/lib, /usr/local/lib or /opt";
    }
    return NULL;
}

/* Takes key=value off the front; a value in braces may have a ';', and '}}' for a '}'. */
static const char *take_pair(tg_str_t *s) {
    ptrdiff_t sign = tg_str_find_char(*s, '=');
    if (sign <= 0) {
        return "must be key=value pairs with ';' between them";
    }
    tg_str_t key = tg_str_trim(tg_strn(s->p, (size_t)sign));
    *s = tg_strn(s->p + sign + 1, s->n - (size_t)sign - 1);
    if (tg_str_find_char(key, ';') >= 0) {
        return "must be key=value pairs with ';' between them";
    }
    if (s->n == 0 || s->p[0] != '{') {
        return pair_rule(key, tg_str_trim(tg_str_take(s, ';')));
    }
    const char *text = s->p;
    size_t i = 1;
    while (i < s->n && (s->p[i] != '}' || (i + 1 < s->n && s->p[i + 1] == '}'))) {
        i += s->p[i] == '}' ? 2 : 1;
    }
    bool ends = i + 1 == s->n || (i + 1 < s->n && s->p[i + 1] == ';');
    *s = ends && i + 2 <= s->n ? tg_strn(s->p + i + 2, s->n - i - 2) : TG_STR_NONE;
    return ends ? pair_rule(key, tg_str_trim(tg_strn(text + 1, i - 1)))
                : "has a '{' without '}' and ';' behind its value";
}

static const char *connection_rule(tg_str_t s) {
    const char *why = NULL;
    while (why == NULL && s.n > 0) {
        why = take_pair(&s);
    }
    return why;
}

/* ---- the table ---- */

#define TEXT(key, member, most)                                                                                        \
    { .name = (key), .read = tg_read_line, .offset = DB(member), .max = (most) }
#define STATEMENT(key, member)                                                                                         \
    { .name = (key), .read = tg_read_text, .offset = DB(member), .max = TG_PROVIDER_TEXT_MAX }
#define EITHER(key, member, choices)                                                                                   \
    { .name = (key), .read = tg_read_either, .offset = DB(member), .more = (choices), .schema = tg_schema_choice }

static const tg_field_t fields[] = {
    {.name = "connectionString",
     .read = tg_read_line,
     .offset = DB(connection),
     .required = true,
     .min = 1,
     .max = TG_PROVIDER_TEXT_MAX},
    TEXT("username", username, 256),
    {.name = "password", .read = tg_read_secret, .offset = DB(password), .schema = tg_schema_secret},
    {.name = "query",
     .read = tg_read_text,
     .offset = DB(query),
     .required = true,
     .min = 1,
     .max = TG_PROVIDER_TEXT_MAX},
    {.name = "passwordFormat", .read = tg_read_choice, .offset = DB(format), .required = true, .more = format_choices},
    TEXT("passwordColumn", password_column, COLUMN_MAX),
    {.name = "passwordDigest",
     .read = tg_read_word,
     .offset = DB(digest),
     .more = digest_choices,
     .schema = tg_schema_choice},
    EITHER("passwordEncoding", base64, encoding_choices),
    TEXT("saltColumn", salt_column, COLUMN_MAX),
    EITHER("saltPosition", salt_behind, position_choices),
    {.name = "passwordIterations", .read = tg_read_int64, .offset = DB(iterations), .min = 1, .max = ITERATIONS_MAX},
    TEXT("enabledColumn", enabled_column, COLUMN_MAX),
    STATEMENT("roleQuery", role_query),
    STATEMENT("listQuery", list_query),
    TEXT("userNameColumn", user_name, COLUMN_MAX),
    TEXT("fullNameColumn", full_name, COLUMN_MAX),
    TEXT("emailColumn", email, COLUMN_MAX),
    {.name = "columnsToFetch", TG_CLAIMS_ROW(of.database.claims, of.database.n_claims, tg_read_claim)},
};

static void init(tg_identity_provider_t *p) {
    p->of.database =
        (tg_database_provider_t){.format = TG_PASSWORD_QUERY, .iterations = 1, .user_name = TG_STR("username")};
}

/* ---- rules between fields ---- */

static tg_err_t format_check(const tg_reader_t *r, const tg_place_t *at, const json_t *doc,
                             const tg_database_provider_t *d) {
    static const char *const of_columns[] = {"passwordColumn", NULL};
    static const char *const of_digests[] = {"passwordDigest", "passwordEncoding", "saltColumn", "saltPosition", NULL};
    static const char *const of_rounds[] = {"passwordIterations", NULL};
    bool query = d->format == TG_PASSWORD_QUERY, digest = d->format == TG_PASSWORD_DIGEST;
    tg_err_t err = query ? tg_refuse_members(r, at, doc, of_columns, "is not for passwordFormat QUERY") : TG_OK;
    if (!err && !query && d->password_column.n == 0) {
        err = tg_refuse(r, TG_MEMBER(at, "passwordColumn"), "is required unless passwordFormat is QUERY");
    }
    if (!err && !digest) {
        err = tg_refuse_members(r, at, doc, of_digests, "is for passwordFormat DIGEST");
    }
    if (!err && !digest && d->format != TG_PASSWORD_PBKDF2) {
        err = tg_refuse_members(r, at, doc, of_rounds, "is for passwordFormat DIGEST and PBKDF2");
    }
    return err || !digest || d->digest.n > 0
               ? err
               : tg_refuse(r, TG_MEMBER(at, "passwordDigest"), "is required with passwordFormat DIGEST");
}

static tg_err_t statement_check(const tg_reader_t *r, const tg_place_t *at, const char *member, tg_str_t sql,
                                bool username, bool password) {
    const char *why = sql.n > 0 ? tg_sql_rule(sql, username, password) : NULL;
    return why == NULL ? TG_OK : tg_refuse(r, TG_MEMBER(at, member), "%s", why);
}

static tg_err_t check(const tg_reader_t *r, const tg_place_t *at, const json_t *doc, tg_identity_provider_t *p) {
    const tg_database_provider_t *d = &p->of.database;
    tg_err_t err = tg_want_rule(r, at, "connectionString", d->connection, connection_rule);
    if (!err && d->username.n == 0 && (d->password.clear.n > 0 || d->password.sealed.n > 0)) {
        err = tg_refuse(r, TG_MEMBER(at, "password"), "is for a username");
    }
    if (!err) {
        err = format_check(r, at, doc, d);
    }
    if (!err) {
        err = statement_check(r, at, "query", d->query, true, d->format == TG_PASSWORD_QUERY);
    }
    if (!err) {
        err = statement_check(r, at, "roleQuery", d->role_query, true, false);
    }
    if (!err) {
        err = statement_check(r, at, "listQuery", d->list_query, false, false);
    }
    if (!err && d->user_name.n == 0) {
        err = tg_refuse(r, TG_MEMBER(at, "userNameColumn"), "must not be empty");
    }
    return err ? err : tg_claims_check(r, TG_MEMBER(at, "columnsToFetch"), d->claims, d->n_claims);
}

/* ---- writing ---- */

static void write_format(tg_writer_t *w, const tg_database_provider_t *d) {
    tg_write_cstr(w, "passwordFormat", tg_choice_name(format_choices, (int)d->format));
    tg_write_str(w, "passwordColumn", d->password_column);
    if (d->format == TG_PASSWORD_DIGEST) {
        tg_write_str(w, "passwordDigest", d->digest);
        tg_write_cstr(w, "passwordEncoding", tg_choice_name(encoding_choices, d->base64));
        tg_write_str(w, "saltColumn", d->salt_column);
        tg_write_cstr(w, "saltPosition", tg_choice_name(position_choices, d->salt_behind));
    }
    if (d->format == TG_PASSWORD_DIGEST || d->format == TG_PASSWORD_PBKDF2) {
        tg_write_int(w, "passwordIterations", d->iterations);
    }
}

static void write(tg_writer_t *w, const tg_identity_provider_t *p) {
    const tg_database_provider_t *d = &p->of.database;
    tg_write_str(w, "connectionString", d->connection);
    tg_write_str(w, "username", d->username);
    tg_write_secret(w, "password", &d->password);
    tg_write_str(w, "query", d->query);
    write_format(w, d);
    tg_write_str(w, "enabledColumn", d->enabled_column);
    tg_write_str(w, "roleQuery", d->role_query);
    tg_write_str(w, "listQuery", d->list_query);
    tg_write_str(w, "userNameColumn", d->user_name);
    tg_write_str(w, "fullNameColumn", d->full_name);
    tg_write_str(w, "emailColumn", d->email);
    tg_write_claims(w, "columnsToFetch", d->claims, d->n_claims);
}

static tg_err_t secrets(tg_identity_provider_t *p, tg_provider_secret_fn each, void *ctx) {
    return each(ctx, "password", &p->of.database.password);
}

const tg_provider_kind_t tg_database_kind = {
    TG_PROVIDER_DATABASE, "DATABASE", fields, COUNT(fields), init, check, write, secrets};
