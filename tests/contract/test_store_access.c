/* Principals in the config store: details, secrets of one environment, access lists, and the version of it all. */
#include "fixture.h"

typedef struct {
    int64_t project, production, test, orders, invoices, group;
    tg_client_t c;
} shop_t;

/* Two environments, three targets, and a credential. */
static shop_t shop_of(fixture_t *f) {
    tg_config_store_t *s = f->config;
    shop_t shop = {.production = make(s, TG_RES_ENVIRONMENT, 0, "production"),
                   .test = make(s, TG_RES_ENVIRONMENT, 0, "test"),
                   .project = make(s, TG_RES_PROJECT, 0, "shop")};
    shop.orders = make(s, TG_RES_PROXY, shop.project, "orders");
    shop.invoices = make(s, TG_RES_PROXY, shop.project, "invoices");
    shop.group = make(s, TG_RES_PROXY_GROUP, shop.project, "group");
    shop.c = client_of(make(s, TG_RES_CREDENTIAL, shop.project, "api-user"), "api-user");
    shop.c.kind = TG_CLIENT_CREDENTIAL;
    shop.c.project_id = shop.project;
    shop.c.details = TG_STR("{\"roles\":[\"read\"]}");
    begin(s);
    assert_ok(s->ops->client_create(s, &shop.c, &shop.c.key_id));
    commit(s);
    return shop;
}

static tg_live_client_t live_of(fixture_t *f, int64_t environment_id, const char *client_id) {
    tg_live_client_t live;
    int64_t seq;
    assert_ok(
        f->config->ops->client_live(f->config, environment_id, TG_CLIENT_CREDENTIAL, tg_str(client_id), &live, &seq));
    return live;
}

/* As each call that tells it has it. */
static int64_t version_of(fixture_t *f, const shop_t *shop) {
    tg_config_store_t *s = f->config;
    tg_client_t c;
    tg_str_t client_id, details;
    tg_access_entry_t entry;
    int64_t version = -1;
    assert_ok(s->ops->client_find(s, TG_CLIENT_CREDENTIAL, TG_STR("api-user"), &f->arena, &c));
    assert_ok(s->ops->client_details(s, shop->c.key_id, &f->arena, &client_id, &details, &version));
    assert_int_equal(version, c.version);
    tg_err_t err = s->ops->access_find(s, shop->c.key_id, NULL, 0, &f->arena, &entry, &version);
    assert_int_equal(err, TG_ERR_NOTFOUND);
    assert_int_equal(version, c.version);
    assert_int_equal(live_of(f, shop->production, "api-user").version, c.version);
    assert_int_equal(live_of(f, shop->test, "api-user").version, c.version);
    return version;
}

static tg_client_secret_t secret_of(const shop_t *shop, int64_t environment_id, uint64_t generation) {
    return (tg_client_secret_t){.key_id = shop->c.key_id,
                                .environment_id = environment_id,
                                .generation = generation,
                                .secret_kind = TG_SECRET_ARGON2ID,
                                .secret = TG_STR("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA")};
}

static void secret_put(fixture_t *f, const tg_client_secret_t *secret) {
    begin(f->config);
    assert_ok(f->config->ops->client_secret_put(f->config, secret));
    commit(f->config);
}

static void access_put(fixture_t *f, int64_t key_id, int64_t target, const char *doc) {
    begin(f->config);
    assert_ok(f->config->ops->access_put(f->config, &(tg_access_entry_t){key_id, target, tg_str(doc)}));
    commit(f->config);
}

/* ---- details and project ---- */

static void details_and_project_are_kept(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    tg_client_t got;
    tg_str_t client_id, details;
    int64_t version = -1;
    assert_ok(s->ops->client_details(s, shop.c.key_id, &f->arena, &client_id, &details, &version));
    assert_text(client_id, "api-user");
    assert_text(details, "{\"roles\":[\"read\"]}");
    assert_int_equal(version, 1);
    assert_int_equal(live_of(f, shop.test, "api-user").project_id, shop.project);
    shop.c.details = TG_STR_NONE;
    shop.c.project_id = 77;
    shop.c.version = 500; /* out only */
    begin(s);
    assert_ok(s->ops->client_update(s, &shop.c));
    commit(s);
    assert_ok(s->ops->client_find(s, TG_CLIENT_CREDENTIAL, TG_STR("api-user"), &f->arena, &got));
    assert_text(got.details, "");
    assert_int_equal(got.project_id, 77);
    assert_int_equal(got.version, 2);
    assert_int_equal(live_of(f, shop.test, "api-user").project_id, 77);
    assert_int_equal(s->ops->client_details(s, shop.c.key_id + 1, &f->arena, &client_id, &details, &version),
                     TG_ERR_NOTFOUND);
    tg_live_client_t none = live_of(f, shop.test, "nobody");
    assert_false(none.exists);
    assert_int_equal(none.version, 0);
    assert_int_equal(none.project_id, 0);
}

/* ---- secrets of one environment ---- */

static void live_is(tg_live_client_t live, uint64_t generation, tg_secret_kind_t kind, tg_str_t secret) {
    assert_true(live.generation == generation);
    assert_int_equal(live.secret_kind, kind);
    assert_int_equal(live.secret_len, secret.n);
    assert_memory_equal(live.secret, secret.p, secret.n);
}

static void a_secret_of_the_environment_takes_the_place(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    tg_client_secret_t own = secret_of(&shop, shop.production, 0x123456789abcdef0u);
    secret_put(f, &own);
    live_is(live_of(f, shop.production, "api-user"), own.generation, TG_SECRET_ARGON2ID, own.secret);
    live_is(live_of(f, shop.test, "api-user"), shop.c.generation, TG_SECRET_FAST, shop.c.secret);
    begin(s); /* an undeploy turns whichever counts there */
    assert_ok(s->ops->client_turn(s, shop.c.key_id, shop.production, 6));
    assert_ok(s->ops->client_turn(s, shop.c.key_id, shop.test, 9));
    commit(s);
    live_is(live_of(f, shop.production, "api-user"), own.generation ^ 6, TG_SECRET_ARGON2ID, own.secret);
    live_is(live_of(f, shop.test, "api-user"), shop.c.generation ^ 9, TG_SECRET_FAST, shop.c.secret);
    own.generation = 5;
    own.secret_kind = TG_SECRET_FAST;
    own.secret = tg_strn("\0another 32 raw bytes of a secret", 32);
    secret_put(f, &own);
    live_is(live_of(f, shop.production, "api-user"), 5 ^ 6, TG_SECRET_FAST, own.secret);
    own.secret_kind = TG_SECRET_NONE; /* none there is not the general one */
    own.secret = TG_STR_NONE;
    secret_put(f, &own);
    assert_int_equal(live_of(f, shop.production, "api-user").secret_kind, TG_SECRET_NONE);
    assert_int_equal(live_of(f, shop.production, "api-user").secret_len, 0);
    begin(s);
    assert_ok(s->ops->client_secret_delete(s, shop.c.key_id, shop.production));
    commit(s);
    live_is(live_of(f, shop.production, "api-user"), shop.c.generation ^ 6, TG_SECRET_FAST, shop.c.secret);
}

static void errors_of_secrets(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    char longest[TG_SECRET_ENCODED_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    tg_client_secret_t no_client = secret_of(&shop, shop.test, 1), no_environment = no_client, large = no_client;
    no_client.key_id++;
    no_environment.environment_id = 9999;
    large.secret = tg_strn(longest, sizeof(longest));
    const struct {
        const tg_client_secret_t *secret;
        tg_err_t err;
    } cases[] = {{&no_client, TG_ERR_NOTFOUND}, {&no_environment, TG_ERR_NOTFOUND}, {&large, TG_ERR_LIMIT}};
    for (size_t i = 0; i < 3; i++) {
        begin(s);
        assert_int_equal(s->ops->client_secret_put(s, cases[i].secret), cases[i].err);
        s->ops->rollback(s);
    }
    large.secret.n--;
    secret_put(f, &large);
    assert_int_equal(live_of(f, shop.test, "api-user").secret_len, TG_SECRET_ENCODED_MAX);
    begin(s);
    assert_int_equal(s->ops->client_secret_delete(s, shop.c.key_id, shop.production), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    assert_int_equal(s->ops->client_secret_put(s, &large), TG_ERR_BUG); /* outside of a transaction */
    assert_int_equal(s->ops->client_secret_delete(s, shop.c.key_id, shop.test), TG_ERR_BUG);
}

/* ---- access lists ---- */

static void access_is_listed_by_target(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    tg_access_entry_t *rows;
    size_t n = 9;
    tg_client_t other = client_of(1, "other");
    begin(s);
    assert_ok(s->ops->client_create(s, &other, &other.key_id));
    commit(s);
    assert_ok(s->ops->access_list(s, shop.c.key_id, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
    access_put(f, other.key_id, shop.invoices, "{\"other\":1}");
    access_put(f, shop.c.key_id, shop.group, "{}");
    access_put(f, shop.c.key_id, shop.orders, "{\"a\":1}");
    access_put(f, shop.c.key_id, shop.invoices, "");
    access_put(f, shop.c.key_id, shop.orders, "{\"a\":2}"); /* replaced */
    assert_ok(s->ops->access_list(s, shop.c.key_id, &f->arena, &rows, &n));
    assert_int_equal(n, 3);
    const int64_t targets[] = {shop.orders, shop.invoices, shop.group};
    static const char *const docs[] = {"{\"a\":2}", "", "{}"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rows[i].key_id, shop.c.key_id);
        assert_int_equal(rows[i].target, targets[i]);
        assert_text(rows[i].doc, docs[i]);
    }
    begin(s);
    assert_ok(s->ops->access_delete(s, shop.c.key_id, shop.invoices));
    commit(s);
    assert_ok(s->ops->access_list(s, shop.c.key_id, &f->arena, &rows, &n));
    assert_int_equal(n, 2);
    assert_int_equal(rows[1].target, shop.group);
    assert_ok(s->ops->access_list(s, other.key_id, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    assert_text(rows[0].doc, "{\"other\":1}");
}

static void the_first_target_that_has_a_row_is_found(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    tg_access_entry_t entry;
    int64_t version = -1;
    access_put(f, shop.c.key_id, shop.orders, "{\"orders\":1}");
    access_put(f, shop.c.key_id, shop.group, "{\"group\":1}");
    const struct {
        int64_t targets[3];
        size_t n;
        const char *doc; /* NULL: not found */
    } cases[] = {
        {{shop.orders}, 1, "{\"orders\":1}"},
        {{shop.invoices}, 1, NULL},
        {{shop.orders, shop.group}, 2, "{\"orders\":1}"},
        {{shop.group, shop.orders}, 2, "{\"group\":1}"},
        {{shop.invoices, shop.group, shop.orders}, 3, "{\"group\":1}"},
        {{shop.invoices, 9999, shop.project}, 3, NULL},
        {{0}, 0, NULL},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tg_err_t err = s->ops->access_find(s, shop.c.key_id, cases[i].targets, cases[i].n, &f->arena, &entry, &version);
        assert_int_equal(version, 3);
        if (cases[i].doc == NULL) {
            assert_int_equal(err, TG_ERR_NOTFOUND);
        } else {
            assert_ok(err);
            assert_text(entry.doc, cases[i].doc);
            assert_int_equal(entry.key_id, shop.c.key_id);
        }
    }
    assert_int_equal(s->ops->access_find(s, shop.c.key_id + 1, &shop.orders, 1, &f->arena, &entry, &version),
                     TG_ERR_NOTFOUND);
    assert_int_equal(version, 0);
}

static void one_row_of_a_long_list_is_found(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    int64_t targets[300], version;
    tg_access_entry_t entry;
    begin(s);
    for (size_t i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof(name), "p%zu", i);
        assert_ok(s->ops->resource_create(s, TG_RES_PROXY, shop.project, tg_str(name), TG_STR("{}"), NOW, &targets[i]));
    }
    for (size_t i = 0; i < 300; i++) { /* in no order, and not each of them */
        size_t k = i * 7 % 300;
        if (k % 3 != 0) {
            assert_ok(s->ops->access_put(s, &(tg_access_entry_t){shop.c.key_id, targets[k], TG_STR("{}")}));
        }
    }
    commit(s);
    for (size_t i = 0; i < 300; i++) {
        tg_err_t err = s->ops->access_find(s, shop.c.key_id, &targets[i], 1, &f->arena, &entry, &version);
        assert_int_equal(err, i % 3 != 0 ? TG_OK : TG_ERR_NOTFOUND);
        assert_true(err != TG_OK || entry.target == targets[i]);
        assert_int_equal(version, 201);
    }
}

static void errors_of_access(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    const tg_access_entry_t no_client = {shop.c.key_id + 1, shop.orders, TG_STR("{}")},
                            no_target = {shop.c.key_id, 9999, TG_STR("{}")};
    begin(s);
    assert_int_equal(s->ops->access_put(s, &no_client), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    begin(s);
    assert_int_equal(s->ops->access_put(s, &no_target), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    begin(s);
    assert_int_equal(s->ops->access_delete(s, shop.c.key_id, shop.orders), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    assert_int_equal(s->ops->access_put(s, &no_client), TG_ERR_BUG);
    assert_int_equal(s->ops->access_delete(s, shop.c.key_id, shop.orders), TG_ERR_BUG);
    assert_int_equal(version_of(f, &shop), 1);
}

static void clients_of_a_target_are_told(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    tg_client_t other = client_of(1, "other");
    tg_str_t *ids;
    size_t n = 9;
    other.kind = TG_CLIENT_CREDENTIAL;
    begin(s);
    assert_ok(s->ops->client_create(s, &other, &other.key_id));
    commit(s);
    assert_ok(s->ops->access_clients(s, shop.orders, &f->arena, &ids, &n));
    assert_int_equal(n, 0);
    access_put(f, other.key_id, shop.orders, "{}");
    access_put(f, other.key_id, shop.group, "{}");
    access_put(f, shop.c.key_id, shop.orders, "{}");
    assert_ok(s->ops->access_clients(s, shop.orders, &f->arena, &ids, &n));
    assert_int_equal(n, 2);
    assert_text(ids[0], "api-user");
    assert_text(ids[1], "other");
    assert_ok(s->ops->access_clients(s, shop.group, &f->arena, &ids, &n));
    assert_int_equal(n, 1);
    assert_text(ids[0], "other");
    begin(s);
    assert_ok(s->ops->client_delete(s, other.key_id)); /* its rows and secrets with it */
    commit(s);
    assert_ok(s->ops->access_clients(s, shop.orders, &f->arena, &ids, &n));
    assert_int_equal(n, 1);
    assert_ok(s->ops->access_clients(s, shop.group, &f->arena, &ids, &n));
    assert_int_equal(n, 0);
}

/* ---- the version ---- */

/* One change of the client, in a transaction. */
static tg_err_t change(tg_config_store_t *s, const shop_t *shop, size_t i) {
    const tg_client_secret_t secret = secret_of(shop, shop->test, 4);
    const tg_access_entry_t orders = {shop->c.key_id, shop->orders, TG_STR("{}")},
                            group = {shop->c.key_id, shop->group, TG_STR("{}")};
    switch (i) {
    case 0:
        return s->ops->client_update(s, &shop->c); /* also when nothing is new */
    case 1:
    case 2:
        return s->ops->client_secret_put(s, &secret);
    case 3:
        return s->ops->client_secret_delete(s, shop->c.key_id, shop->test);
    case 4:
    case 5:
        return s->ops->client_turn(s, shop->c.key_id, shop->test, 3);
    case 6:
    case 7:
        return s->ops->access_put(s, &orders);
    case 8:
        return s->ops->access_put(s, &group);
    case 9:
        return s->ops->access_delete(s, shop->c.key_id, shop->orders);
    default:
        return TG_ERR_BUG;
    }
}

static void the_version_rises_by_one_with_each_change(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    tg_client_t other = client_of(1, "other"), got;
    begin(s);
    assert_ok(s->ops->client_create(s, &other, &other.key_id));
    commit(s);
    assert_int_equal(version_of(f, &shop), 1);
    for (size_t i = 0; i < 10; i++) {
        begin(s);
        assert_ok(change(s, &shop, i));
        s->ops->rollback(s); /* as if it had not been */
        assert_int_equal(version_of(f, &shop), 1 + (int64_t)i);
        begin(s);
        assert_ok(change(s, &shop, i));
        commit(s);
        assert_int_equal(version_of(f, &shop), 2 + (int64_t)i);
    }
    assert_ok(s->ops->client_find(s, other.kind, other.client_id, &f->arena, &got));
    assert_int_equal(got.version, 1);
}

static void what_goes_with_its_target_or_environment_is_a_change(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    tg_client_t other = client_of(1, "other"), got;
    tg_access_entry_t *rows, entry;
    size_t n;
    int64_t version;
    begin(s);
    assert_ok(s->ops->client_create(s, &other, &other.key_id));
    commit(s);
    access_put(f, shop.c.key_id, shop.orders, "{}");
    access_put(f, shop.c.key_id, shop.invoices, "{}");
    tg_client_secret_t secret = secret_of(&shop, shop.test, 4);
    secret_put(f, &secret);
    assert_int_equal(version_of(f, &shop), 4);
    begin(s);
    assert_ok(s->ops->resource_delete(s, shop.orders));
    commit(s);
    assert_int_equal(version_of(f, &shop), 5);
    assert_ok(s->ops->access_list(s, shop.c.key_id, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].target, shop.invoices);
    assert_int_equal(s->ops->access_find(s, shop.c.key_id, &shop.orders, 1, &f->arena, &entry, &version),
                     TG_ERR_NOTFOUND);
    begin(s);
    assert_ok(s->ops->resource_delete(s, shop.test));
    commit(s);
    shop.test = shop.production;
    assert_int_equal(version_of(f, &shop), 6);
    begin(s);
    assert_int_equal(s->ops->client_secret_delete(s, shop.c.key_id, secret.environment_id), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    begin(s);
    assert_ok(s->ops->resource_delete(s, shop.group)); /* nobody's */
    commit(s);
    assert_int_equal(version_of(f, &shop), 6);
    assert_ok(s->ops->client_find(s, other.kind, other.client_id, &f->arena, &got));
    assert_int_equal(got.version, 1);
}

static void one_of_the_same_name_is_another_client(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    tg_access_entry_t *rows;
    size_t n;
    const int64_t old = shop.c.key_id;
    const tg_client_secret_t secret = secret_of(&shop, shop.test, 4);
    access_put(f, old, shop.orders, "{}");
    secret_put(f, &secret);
    begin(s);
    assert_ok(s->ops->client_delete(s, old));
    assert_ok(s->ops->client_create(s, &shop.c, &shop.c.key_id));
    commit(s);
    assert_true(shop.c.key_id > old);
    assert_ok(s->ops->access_list(s, shop.c.key_id, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
    assert_ok(s->ops->access_list(s, old, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
    live_is(live_of(f, shop.test, "api-user"), shop.c.generation, TG_SECRET_FAST, shop.c.secret);
    assert_int_equal(version_of(f, &shop), 1);
}

/* ---- groups, change rows ---- */

static void a_group_is_deployed_like_a_proxy(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    tg_deployment_t *rows, one;
    size_t n;
    begin(s);
    assert_ok(s->ops->deployment_put(
        s, &(tg_deployment_t){
               .environment_id = shop.test, .proxy_id = shop.group, .revision = 1, .doc = TG_STR("{\"group\":1}")}));
    commit(s);
    assert_ok(s->ops->deployment_find(s, shop.test, shop.group, &f->arena, &one));
    assert_text(one.doc, "{\"group\":1}");
    assert_ok(s->ops->deployment_history(s, shop.group, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    begin(s);
    assert_ok(s->ops->resource_delete(s, shop.group));
    commit(s);
    assert_ok(s->ops->deployment_list(s, shop.test, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
}

static void a_change_can_be_of_every_client(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_change_t *rows;
    size_t n;
    begin(s);
    assert_ok(s->ops->change_append(s, TG_CHANGE_CLIENTS, 0, TG_STR_NONE));
    commit(s);
    assert_ok(s->ops->change_read(s, 0, 10, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].kind, TG_CHANGE_CLIENTS);
    assert_text(rows[0].ref, "");
}

/* ---- memory ---- */

static void without_memory_nothing_changes(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    shop_t shop = shop_of(f);
    for (size_t i = 0; i < 10; i++) {
        for (long n = 0;; n++) {
            assert_true(n < 1000);
            assert_ok(s->ops->begin(s, 1000));
            alloc_fail_after(n);
            tg_err_t err = change(s, &shop, i);
            bool failed = alloc_failed();
            if (!failed) {
                assert_ok(err);
                commit(s);
                break;
            }
            assert_int_equal(err, TG_ERR_NOMEM);
            s->ops->rollback(s);
            assert_int_equal(version_of(f, &shop), 1 + (int64_t)i);
        }
        assert_int_equal(version_of(f, &shop), 2 + (int64_t)i);
    }
    tg_arena_t small;
    tg_access_entry_t *rows, entry;
    tg_str_t client_id, details, *ids;
    size_t n;
    int64_t version;
    tg_arena_init(&small, 1);
    assert_int_equal(s->ops->access_list(s, shop.c.key_id, &small, &rows, &n), TG_ERR_NOMEM);
    assert_int_equal(s->ops->access_find(s, shop.c.key_id, &shop.group, 1, &small, &entry, &version), TG_ERR_NOMEM);
    assert_int_equal(s->ops->access_clients(s, shop.group, &small, &ids, &n), TG_ERR_NOMEM);
    assert_int_equal(s->ops->client_details(s, shop.c.key_id, &small, &client_id, &details, &version), TG_ERR_NOMEM);
    tg_arena_release(&small);
}

static const struct CMUnitTest tests[] = {
    CONTRACT(details_and_project_are_kept),
    CONTRACT(a_secret_of_the_environment_takes_the_place),
    CONTRACT(errors_of_secrets),
    CONTRACT(access_is_listed_by_target),
    CONTRACT(the_first_target_that_has_a_row_is_found),
    CONTRACT(one_row_of_a_long_list_is_found),
    CONTRACT(errors_of_access),
    CONTRACT(clients_of_a_target_are_told),
    CONTRACT(the_version_rises_by_one_with_each_change),
    CONTRACT(what_goes_with_its_target_or_environment_is_a_change),
    CONTRACT(one_of_the_same_name_is_another_client),
    CONTRACT(a_group_is_deployed_like_a_proxy),
    CONTRACT(a_change_can_be_of_every_client),
    CONTRACT(without_memory_nothing_changes),
};

CONTRACT_MAIN(tests, false)
