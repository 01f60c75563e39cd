#include "cli/issuer.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/http.h"
#include "cli/say.h"

#define WELL_KNOWN   "/.well-known/oauth-authorization-server"
#define PREFIX       "/auth"
#define DOCUMENT_MAX ((size_t)1 << 20)

tg_transport_t tg_transport_of(const tg_args_t *a) {
    return (tg_transport_t){tg_args_or_env(a, TG_FLAG_CA_FILE, "TOLLGATE_CA_FILE"),
                            a->value[TG_FLAG_INSECURE_HTTP] != NULL};
}

tg_err_t tg_issuer_fetch(const tg_transport_t *t, const char *url, json_t **out) {
    tg_buf_t body;
    tg_fault_t fault = {"", ""};
    long status = 0;
    *out = NULL;
    tg_buf_init(&body, DOCUMENT_MAX);
    tg_err_t err = tg_http_run(
        &(tg_http_call_t){
            .method = "GET", .url = url, .ca_file = t->ca_file, .timeout_ms = 30000, .insecure_http = t->insecure_http},
        &status, &body, &fault);
    if (err) {
        tg_say("%s", fault.text);
    } else if (status != 200) {
        tg_say("%s: status %ld", url, status);
        err = TG_ERR_NOTFOUND;
    } else if (tg_json_parse(tg_buf_str(&body), DOCUMENT_MAX, 32, out, &fault) || !json_is_object(*out)) {
        tg_say("%s: no JSON object", url);
        err = TG_ERR_INVALID;
    }
    tg_buf_release(&body);
    if (err) {
        json_decref(*out);
        *out = NULL;
    }
    return err;
}

/* Where the path of a URL begins. */
static size_t path_at(const char *url) {
    const char *scheme = strstr(url, "://");
    const char *host = scheme ? scheme + 3 : url;
    return (size_t)(host - url) + strcspn(host, "/?#");
}

/* Without slashes at its end; with /auth if it has no path. */
static tg_err_t issuer_write(const char *url, char *out, size_t cap) {
    tg_str_t base = tg_str(url);
    while (tg_str_ends(base, TG_STR("/")))
        base.n--;
    if (base.n == 0 || base.n + sizeof(PREFIX) > cap)
        return TG_ERR_INVALID;
    snprintf(out, cap, "%.*s%s", TG_STR_ARGS(base), path_at(url) >= base.n ? PREFIX : "");
    return TG_OK;
}

bool tg_issuer_is(const char *url, tg_str_t issuer) {
    char wanted[1024];
    return issuer_write(url, wanted, sizeof(wanted)) == TG_OK && tg_str_eq(issuer, tg_str(wanted));
}

tg_err_t tg_issuer_discover(const tg_transport_t *t, const char *url, json_t **metadata) {
    char issuer[1024], where[1200];
    *metadata = NULL;
    tg_err_t err = issuer_write(url, issuer, sizeof(issuer));
    if (err) {
        tg_say("the gateway's URL must have 1 to 1000 bytes");
        return err;
    }
    size_t path = path_at(issuer);
    snprintf(where, sizeof(where), "%.*s" WELL_KNOWN "%s", (int)path, issuer, issuer + path);
    err = tg_issuer_fetch(t, where, metadata);
    tg_str_t named = tg_json_str(*metadata, "issuer");
    if (!err && !tg_str_eq(named, tg_str(issuer))) {
        tg_say("%s calls itself %.*s; if that is the one you mean, name it", issuer, TG_STR_ARGS(named));
        err = TG_ERR_CONFLICT;
    }
    if (err) {
        json_decref(*metadata);
        *metadata = NULL;
    }
    return err;
}
