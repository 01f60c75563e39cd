/*
 * Fills a config store with credentials for the benchmark: generated secrets, access lists, all live at once.
 *
 *     bench-seed URI MASTER_KEY_FILE PROJECT COUNT LONG SHORT
 *
 * The first LONG credentials may call every proxy of the project, each other one SHORT of them. A line of stdout for
 * each: username, secret, and the name of one proxy that it may call, with tabs between. The proxies take turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/b64.h"
#include "base/json.h"
#include "keyring/keyring.h"
#include "model/credential.h"
#include "store/store.h"

#define BATCH 500

typedef struct {
    tg_config_store_t *store;
    tg_keyring_t keys;
    tg_arena_t arena;
    int64_t project;
    tg_resource_t *proxies;
    size_t n_proxies;
    size_t n_long, n_short;
} seed_t;

static void check(tg_err_t err, const char *what, const char *why) {
    if (err != TG_OK) {
        fprintf(stderr, "%s: %s %s\n", what, tg_err_name(err), why);
        exit(1);
    }
}

static void fill(void *p, size_t n) {
    if (getrandom(p, n, 0) != (ssize_t)n) {
        check(TG_ERR_UNAVAILABLE, "getrandom", "");
    }
}

static void keys_read(seed_t *s, const char *path) {
    char text[TG_MASTER_TEXT_MAX];
    uint8_t master[TG_KEY_LEN];
    tg_fault_t fault = {.field = ""};
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof(text), f) : 0;
    if (f) {
        fclose(f);
    }
    check(tg_master_parse(tg_strn(text, n), master, &fault), path, fault.text);
    check(tg_keyring_init(&s->keys, master), path, "");
}

static void project_find(seed_t *s, const char *name) {
    tg_resource_t project;
    int64_t total;
    check(s->store->ops->resource_find(s->store, TG_RES_PROJECT, 0, tg_str(name), &s->arena, &project), name, "");
    s->project = project.id;
    tg_resource_query_t query = {.kind = TG_RES_PROXY, .parent = project.id};
    check(s->store->ops->resource_list(s->store, &query, &s->arena, &s->proxies, &s->n_proxies, &total), "proxies", "");
    if (s->n_proxies == 0) {
        check(TG_ERR_NOTFOUND, "proxies", "");
    }
}

static char *doc_of(const tg_credential_t *k) {
    json_t *doc = tg_credential_write(k);
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    if (text == NULL) {
        check(TG_ERR_NOMEM, "document", "");
    }
    return text;
}

static int64_t client_put(seed_t *s, tg_str_t name, tg_str_t secret) {
    uint8_t hash[TG_HASH_LEN];
    tg_credential_t k = {.username = name, .enabled = true};
    tg_client_t client = {.kind = TG_CLIENT_CREDENTIAL, .client_id = name, .enabled = true, .project_id = s->project};
    tg_buf_t details;
    int64_t key_id;
    tg_buf_init(&details, TG_DETAILS_MAX);
    tg_token_settings_default(&k.token);
    char *doc = doc_of(&k);
    check(s->store->ops->resource_create(s->store, TG_RES_CREDENTIAL, s->project, name, tg_str(doc), 1, &client.owner),
          "credential", s->store->fault.text);
    free(doc);
    check(tg_secret_hash(&s->keys, name, secret, hash), "secret", "");
    check(tg_credential_details_write(&k, NULL, &details), "details", "");
    fill(&client.generation, sizeof(client.generation));
    client.generation >>= 1;
    client.secret_kind = TG_SECRET_FAST;
    client.secret = tg_strn(hash, sizeof(hash));
    client.details = tg_buf_str(&details);
    check(s->store->ops->client_create(s->store, &client, &key_id), "client", s->store->fault.text);
    tg_buf_release(&details);
    return key_id;
}

static void access_put(seed_t *s, int64_t key_id, const tg_resource_t *proxy) {
    tg_access_settings_t settings = {.environment = TG_STR_NONE};
    tg_access_row_t row = {.name = proxy->name, .type = TG_ACCESS_PROXY, .settings = &settings, .n_settings = 1};
    json_t *doc = tg_access_row_write(&row);
    char *text = doc ? json_dumps(doc, JSON_COMPACT) : NULL;
    json_decref(doc);
    if (text == NULL) {
        check(TG_ERR_NOMEM, "access", "");
    }
    tg_access_entry_t entry = {.key_id = key_id, .target = proxy->id, .doc = tg_str(text)};
    check(s->store->ops->access_put(s->store, &entry), "access", s->store->fault.text);
    free(text);
}

static void credential_put(seed_t *s, size_t i) {
    char name[32], secret[64];
    uint8_t random[32];
    snprintf(name, sizeof(name), "bench-%zu", i);
    fill(random, sizeof(random));
    secret[tg_hex_encode(tg_strn(random, 24), secret)] = '\0';
    int64_t key_id = client_put(s, tg_str(name), tg_str(secret));
    size_t n = i < s->n_long || s->n_short > s->n_proxies ? s->n_proxies : s->n_short;
    for (size_t k = 0; k < n; k++) {
        access_put(s, key_id, &s->proxies[(i + k) % s->n_proxies]);
    }
    const tg_str_t proxy = s->proxies[(i + i % n) % s->n_proxies].name;
    printf("%s\t%s\t%.*s\n", name, secret, TG_STR_ARGS(proxy));
}

int main(int argc, char **argv) {
    static const tg_store_options_t options = {.busy_ms = 10000};
    tg_fault_t fault = {.field = ""};
    seed_t s = {.store = NULL};
    if (argc != 7) {
        fputs("bench-seed URI MASTER_KEY_FILE PROJECT COUNT LONG SHORT\n", stderr);
        return 2;
    }
    tg_arena_init(&s.arena, (size_t)1 << 30);
    check(tg_config_store_open(tg_str(argv[1]), &options, &s.store, &fault), argv[1], fault.text);
    keys_read(&s, argv[2]);
    project_find(&s, argv[3]);
    size_t count = strtoul(argv[4], NULL, 10);
    s.n_long = strtoul(argv[5], NULL, 10);
    s.n_short = strtoul(argv[6], NULL, 10);
    for (size_t i = 0; i < count;) {
        check(s.store->ops->begin(s.store, 10000), "begin", s.store->fault.text);
        for (size_t end = i + BATCH; i < end && i < count; i++) {
            credential_put(&s, i);
        }
        check(s.store->ops->change_append(s.store, TG_CHANGE_CLIENTS, 0, TG_STR_NONE), "change", s.store->fault.text);
        check(s.store->ops->commit(s.store), "commit", s.store->fault.text);
    }
    s.store->ops->close(s.store);
    tg_keyring_release(&s.keys);
    tg_arena_release(&s.arena);
    return 0;
}
