#include "cli/http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

static size_t body_take(char *p, size_t size, size_t n, void *arg) {
    tg_buf_t *b = arg;
    tg_buf_put(b, tg_strn(p, size * n));
    return b->err ? 0 : size * n;
}

static struct curl_slist *header_add(struct curl_slist *list, const char *text, bool *ok) {
    struct curl_slist *longer = curl_slist_append(list, text);
    *ok = *ok && longer;
    return longer ? longer : list;
}

static struct curl_slist *headers_make(const tg_http_call_t *call, bool *ok) {
    char line[8192 + 32];
    struct curl_slist *list = NULL;
    if (call->json)
        list = header_add(list, "Content-Type: application/json", ok);
    if (call->bearer) {
        *ok = *ok && snprintf(line, sizeof(line), "Authorization: Bearer %s", call->bearer) < (int)sizeof(line);
        list = header_add(list, line, ok);
        tg_wipe(line, sizeof(line));
    }
    return list;
}

/* ---- the URL ---- */

static bool is_loopback(const char *host) {
    tg_str_t h = tg_str(host);
    struct in_addr v4;
    return tg_str_eq_ci(h, TG_STR("localhost")) || tg_str_eq(h, TG_STR("[::1]")) ||
           (inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127);
}

static tg_err_t parts_check(CURLU *u, const tg_http_call_t *call, tg_fault_t *fault) {
    char *scheme = NULL, *host = NULL, *user = NULL;
    tg_err_t err = TG_OK;
    bool whole = curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
                 curl_url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK;
    if (!whole || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        err =
            tg_fault(fault, TG_ERR_INVALID, "", "an http or https URL is needed, such as https://manager.example.org");
    else if (curl_url_get(u, CURLUPART_USER, &user, 0) == CURLUE_OK)
        err = tg_fault(fault, TG_ERR_INVALID, "", "the URL must not hold a name or password");
    else if (strcmp(scheme, "http") == 0 && !is_loopback(host) && !call->insecure_http)
        err = tg_fault(fault, TG_ERR_INVALID, "",
                       "%s is another machine, and plain http shows secrets to who is between; use https, or say "
                       "--insecure-http",
                       host);
    curl_free(scheme);
    curl_free(host);
    curl_free(user);
    return err;
}

static tg_err_t url_check(const tg_http_call_t *call, tg_fault_t *fault) {
    CURLU *u = curl_url();
    if (!u)
        return tg_fault(fault, TG_ERR_NOMEM, "", "out of memory");
    tg_err_t err = TG_OK;
    if (curl_url_set(u, CURLUPART_URL, call->url, 0) != CURLUE_OK)
        err = tg_fault(fault, TG_ERR_INVALID, "", "no URL: an http or https URL is needed");
    else
        err = parts_check(u, call, fault);
    curl_url_cleanup(u);
    return err;
}

/* ---- the call ---- */

static void options_set(CURL *c, const tg_http_call_t *call, const struct curl_slist *headers, tg_buf_t *body) {
    const char *text = call->form ? call->form : call->json;
    curl_easy_setopt(c, CURLOPT_URL, call->url);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, call->method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(c, CURLOPT_PROXY, "");
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, call->timeout_ms);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, body_take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, body);
    if (text) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, text);
    }
    if (call->ca_file)
        curl_easy_setopt(c, CURLOPT_CAINFO, call->ca_file);
    if (call->basic) {
        curl_easy_setopt(c, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(c, CURLOPT_USERPWD, call->basic);
    }
}

tg_err_t tg_http_run(const tg_http_call_t *call, long *status, tg_buf_t *body, tg_fault_t *fault) {
    bool ok = true;
    tg_err_t err = url_check(call, fault);
    if (err)
        return err;
    CURL *c = curl_easy_init();
    struct curl_slist *headers = headers_make(call, &ok);
    if (!c || !ok) {
        err = tg_fault(fault, TG_ERR_NOMEM, "", "out of memory");
        goto done;
    }
    options_set(c, call, headers, body);
    CURLcode rc = curl_easy_perform(c);
    if (rc != CURLE_OK) {
        err = tg_fault(fault, TG_ERR_UNAVAILABLE, "", "%.*s: %s", (int)strcspn(call->url, "?"), call->url,
                       body->err ? "the answer is too long" : curl_easy_strerror(rc));
        goto done;
    }
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, status);
done:
    curl_slist_free_all(headers);
    curl_easy_cleanup(c);
    return err;
}
