#include "manager/fetch.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "policy/public_address.h"

#define URL_MAX       2048
#define TIMEOUT_MS    10000L
#define REDIRECTS_MAX 3L

tg_err_t tg_fetch_networks_parse(tg_str_t text, tg_fetch_networks_t *out) {
    out->n = 0;
    while (text.p != NULL) {
        tg_str_t one = tg_str_trim(tg_str_take(&text, ','));
        if (out->n == TG_FETCH_NETWORKS_MAX || tg_cidr_parse(one, &out->list[out->n])) {
            return TG_ERR_INVALID;
        }
        out->n++;
    }
    return TG_OK;
}

tg_err_t tg_fetch_init(void) {
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? TG_OK : TG_ERR_UNAVAILABLE;
}

typedef struct {
    const tg_fetch_networks_t *networks;
    tg_buf_t *out;
    bool forbidden; /* an address was not gone to */
} fetch_t;

/* ---- where it may go ---- */

static bool address_read(const struct curl_sockaddr *a, uint8_t out[16]) {
    static const uint8_t v4_mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (a->family == AF_INET) {
        memcpy(out, v4_mapped, sizeof(v4_mapped));
        memcpy(out + sizeof(v4_mapped), &((const struct sockaddr_in *)(const void *)&a->addr)->sin_addr, 4);
        return true;
    }
    if (a->family == AF_INET6) {
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)&a->addr)->sin6_addr, 16);
        return true;
    }
    return false;
}

static curl_socket_t socket_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a) {
    fetch_t *f = arg;
    uint8_t address[16];
    bool allowed = purpose == CURLSOCKTYPE_IPCXN && address_read(a, address) &&
                   (tg_address_is_public(address) || tg_cidrs_have(f->networks->list, f->networks->n, address));
    if (!allowed) {
        f->forbidden = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- the transfer ---- */

static size_t body_take(char *p, size_t size, size_t n, void *arg) {
    fetch_t *f = arg;
    tg_buf_put(f->out, tg_strn(p, size * n));
    return f->out->err ? 0 : size * n;
}

static bool options_set(CURL *curl, const char *url, fetch_t *f) {
    return curl_easy_setopt(curl, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) == CURLE_OK &&
           /* a proxy would make the connections, and nobody would look at where they lead */
           curl_easy_setopt(curl, CURLOPT_PROXY, "") == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, socket_open) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, f) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_MAXREDIRS, REDIRECTS_MAX) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, TIMEOUT_MS) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_USERAGENT, "tollgate/" TG_VERSION) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)f->out->max) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, body_take) == CURLE_OK &&
           curl_easy_setopt(curl, CURLOPT_WRITEDATA, f) == CURLE_OK;
}

static tg_err_t refuse(CURL *curl, CURLcode code, const fetch_t *f, tg_fault_t *fault) {
    long status = 0;
    if (f->out->err == TG_ERR_LIMIT || code == CURLE_FILESIZE_EXCEEDED) {
        return tg_fault(fault, TG_ERR_INVALID, "", "is longer than %zu bytes", f->out->max);
    }
    if (f->out->err) {
        return f->out->err;
    }
    if (f->forbidden) {
        return tg_fault(fault, TG_ERR_INVALID, "",
                        "leads to an address that is private or of this machine; the manager's "
                        "--allow-private-definitions names networks that may be fetched from");
    }
    switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_LOGIN_DENIED:
        return tg_fault(fault, TG_ERR_INVALID, "", "must be an http or https URL without a name or password in it");
    case CURLE_TOO_MANY_REDIRECTS:
        return tg_fault(fault, TG_ERR_INVALID, "", "redirects more than %ld times", REDIRECTS_MAX);
    case CURLE_OPERATION_TIMEDOUT:
        return tg_fault(fault, TG_ERR_INVALID, "", "does not answer within %ld s", TIMEOUT_MS / 1000);
    case CURLE_HTTP_RETURNED_ERROR:
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
        return tg_fault(fault, TG_ERR_INVALID, "", "answers with status %ld", status);
    default:
        return tg_fault(fault, TG_ERR_INVALID, "", "cannot be fetched: %s", curl_easy_strerror(code));
    }
}

tg_err_t tg_fetch(tg_str_t url, const tg_fetch_networks_t *networks, tg_buf_t *out, tg_fault_t *fault) {
    char text[URL_MAX + 1];
    fetch_t f = {.networks = networks, .out = out};
    if (url.n > URL_MAX || memchr(url.p, '\0', url.n) != NULL) {
        return tg_fault(fault, TG_ERR_INVALID, "", "must be at most %d bytes long", URL_MAX);
    }
    /* Else curl would guess a scheme. */
    if (!tg_str_starts(url, TG_STR("http://")) && !tg_str_starts(url, TG_STR("https://"))) {
        return tg_fault(fault, TG_ERR_INVALID, "", "must be an http or https URL without a name or password in it");
    }
    memcpy(text, url.p, url.n);
    text[url.n] = '\0';
    CURL *curl = curl_easy_init();
    if (curl == NULL || !options_set(curl, text, &f)) {
        curl_easy_cleanup(curl);
        return tg_fault(fault, TG_ERR_NOMEM, "", "out of memory");
    }
    CURLcode code = curl_easy_perform(curl);
    tg_err_t err = code == CURLE_OK && !out->err ? TG_OK : refuse(curl, code, &f, fault);
    curl_easy_cleanup(curl);
    return err;
}
