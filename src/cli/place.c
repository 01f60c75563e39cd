#include "cli/place.h"

#include <string.h>

#include "base/buf.h"
#include "cli/saved_login.h"
#include "cli/say.h"

static const struct {
    tg_flag_t flag;
    const char *kind;   /* of kinds.h */
    const char *folder; /* in the path */
} owners[] = {
    {TG_FLAG_PROXY, "proxies", "apiProxies"},
    {TG_FLAG_GROUP, "groups", "apiProxyGroups"},
    {TG_FLAG_POLICY_GROUP, "policygroups", "policyGroups"},
};
#define N_OWNERS (sizeof(owners) / sizeof(owners[0]))

const char *tg_project_of(const tg_args_t *a) {
    const char *named = tg_args_or_env(a, TG_FLAG_PROJECT, "TOLLGATE_PROJECT");
    return named ? named : "default";
}

static tg_err_t owner_put(const tg_args_t *a, tg_buf_t *out) {
    size_t found = N_OWNERS, n = 0;
    for (size_t i = 0; i < N_OWNERS; i++)
        if (a->value[owners[i].flag]) {
            found = i;
            n++;
        }
    if (n != 1) {
        tg_say("of what? Say one of --proxy NAME, --group NAME, --policygroup NAME");
        return TG_ERR_INVALID;
    }
    tg_buf_putf(out, "%s/", owners[found].folder);
    tg_buf_put_percent(out, tg_str(a->value[owners[found].flag]));
    return TG_OK;
}

/* --name, else who is logged in. */
static tg_err_t administrator_put(const tg_args_t *a, tg_buf_t *out) {
    tg_saved_login_t login;
    tg_err_t err = TG_OK;
    if (a->value[TG_FLAG_NAME]) {
        tg_buf_put_percent(out, tg_str(a->value[TG_FLAG_NAME]));
        return TG_OK;
    }
    err = tg_saved_login_read(&login);
    if (!err)
        tg_buf_put_percent(out, tg_str(login.name));
    else if (err == TG_ERR_NOTFOUND)
        tg_say("whose? Say --name NAME");
    tg_saved_login_release(&login);
    return err;
}

static tg_err_t variable_put(const tg_args_t *a, tg_str_t variable, const char *name, tg_buf_t *out) {
    if (tg_str_eq(variable, TG_STR("owner")))
        return owner_put(a, out);
    if (tg_str_eq(variable, TG_STR("administrator")))
        return administrator_put(a, out);
    const char *value = name;
    if (tg_str_eq(variable, TG_STR("project")))
        value = tg_project_of(a);
    else if (tg_str_eq(variable, TG_STR("environment")))
        value = a->value[TG_FLAG_ENVIRONMENT];
    if (!value || !*value) {
        tg_say(tg_str_eq(variable, TG_STR("environment")) ? "of which environment? Say -e NAME" : "a name is needed");
        return TG_ERR_INVALID;
    }
    tg_buf_put_percent(out, tg_str(value));
    return TG_OK;
}

static tg_err_t path_end(tg_buf_t *b) {
    tg_buf_putc(b, '\0');
    if (b->err)
        tg_say("a name is too long");
    return b->err ? TG_ERR_INVALID : TG_OK;
}

tg_err_t tg_place_write(const tg_args_t *a, const char *template, const char *name, char out[TG_PATH_MAX]) {
    tg_buf_t b;
    tg_err_t err = TG_OK;
    tg_buf_init_fixed(&b, out, TG_PATH_MAX);
    while (!err && *template) {
        size_t plain = strcspn(template, "{");
        tg_buf_put(&b, tg_strn(template, plain));
        template += plain;
        if (!*template)
            break;
        size_t end = strcspn(template, "}");
        err = variable_put(a, tg_strn(template + 1, end - 1), name, &b);
        template += end + 1;
    }
    return err ? err : path_end(&b);
}

tg_err_t tg_deployable_write(const tg_args_t *a, const char *text, char out[TG_PATH_MAX]) {
    tg_buf_t b;
    char kind_name[64] = "proxies";
    const char *slash = strchr(text, '/'), *folder = NULL;
    if (slash && (size_t)(slash - text) < sizeof(kind_name)) {
        memcpy(kind_name, text, (size_t)(slash - text));
        kind_name[slash - text] = '\0';
    }
    const tg_kind_t *kind = tg_kind_find(kind_name);
    if (!kind)
        return TG_ERR_INVALID;
    for (size_t i = 0; i < N_OWNERS; i++)
        if (strcmp(owners[i].kind, kind->name) == 0)
            folder = owners[i].folder;
    if (!folder || (slash && !slash[1])) {
        tg_say("%s: deployed are proxies, groups and policygroups: NAME of an API proxy, groups/NAME, "
               "policygroups/NAME",
               text);
        return TG_ERR_INVALID;
    }
    tg_buf_init_fixed(&b, out, TG_PATH_MAX);
    tg_buf_put(&b, TG_STR("/projects/"));
    tg_buf_put_percent(&b, tg_str(tg_project_of(a)));
    tg_buf_putf(&b, "/%s/", folder);
    tg_buf_put_percent(&b, tg_str(slash ? slash + 1 : text));
    return path_end(&b);
}
