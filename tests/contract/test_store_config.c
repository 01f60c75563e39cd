/* The config store: what each verb does, and each of its errors. */
#include "base/b64.h"
#include "fixture.h"

/* ---- meta ---- */

static void meta_keeps_the_last_value(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_str_t value;
    assert_int_equal(s->ops->meta_get(s, TG_STR("a"), &f->arena, &value), TG_ERR_NOTFOUND);
    begin(s);
    assert_ok(s->ops->meta_put(s, TG_STR("a"), TG_STR("one")));
    assert_ok(s->ops->meta_put(s, TG_STR("a"), tg_strn("t\0wo", 4)));
    assert_ok(s->ops->meta_put(s, TG_STR("b"), TG_STR_NONE));
    commit(s);
    assert_ok(s->ops->meta_get(s, TG_STR("a"), &f->arena, &value));
    assert_int_equal(value.n, 4);
    assert_memory_equal(value.p, "t\0wo", 4);
    assert_ok(s->ops->meta_get(s, TG_STR("b"), &f->arena, &value));
    assert_int_equal(value.n, 0);
    assert_int_equal(s->ops->meta_get(s, TG_STR("A"), &f->arena, &value), TG_ERR_NOTFOUND);
}

static void another_master_key_is_a_conflict(void **state) {
    fixture_t *f = *state;
    uint8_t ours[32], other[32];
    memset(ours, 0xa5, sizeof(ours));
    memcpy(other, ours, sizeof(other));
    other[31] ^= 1;
    assert_ok(tg_store_check_master(f->config, ours));
    assert_ok(tg_store_check_master(f->config, ours));
    assert_int_equal(tg_store_check_master(f->config, other), TG_ERR_CONFLICT);
    tg_config_store_t *second = config_open(f, false, 1000);
    assert_int_equal(tg_store_check_master(second, other), TG_ERR_CONFLICT);
    assert_ok(tg_store_check_master(second, ours));
    second->ops->close(second);
}

/* ---- resources ---- */

static void a_resource_is_created_found_replaced_deleted(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_resource_t r;
    int64_t version, project = make(s, TG_RES_PROJECT, 0, "shop");
    assert_ok(s->ops->resource_find(s, TG_RES_PROJECT, 0, TG_STR("shop"), &f->arena, &r));
    assert_int_equal(r.id, project);
    assert_int_equal(r.kind, TG_RES_PROJECT);
    assert_int_equal(r.parent, 0);
    assert_int_equal(r.version, 1);
    assert_int_equal(r.created_at, NOW);
    assert_int_equal(r.updated_at, NOW);
    assert_text(r.name, "shop");
    assert_text(r.doc, "{}");
    begin(s);
    assert_ok(s->ops->resource_replace(s, project, 0, TG_STR("{\"a\":1}"), NOW + 5, &version));
    assert_int_equal(version, 2);
    assert_ok(s->ops->resource_replace(s, project, 2, TG_STR("{\"a\":2}"), NOW + 6, &version));
    assert_int_equal(version, 3);
    commit(s);
    assert_ok(s->ops->resource_get(s, project, &f->arena, &r));
    assert_int_equal(r.version, 3);
    assert_int_equal(r.created_at, NOW);
    assert_int_equal(r.updated_at, NOW + 6);
    assert_text(r.name, "shop");
    assert_text(r.doc, "{\"a\":2}");
    begin(s);
    assert_ok(s->ops->resource_delete(s, project));
    commit(s);
    assert_int_equal(s->ops->resource_get(s, project, &f->arena, &r), TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->resource_find(s, TG_RES_PROJECT, 0, TG_STR("shop"), &f->arena, &r), TG_ERR_NOTFOUND);
}

static void a_name_is_taken_within_its_kind_and_parent_only(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t id, a = make(s, TG_RES_PROJECT, 0, "a"), b = make(s, TG_RES_PROJECT, 0, "b");
    make(s, TG_RES_PROXY, a, "orders");
    make(s, TG_RES_PROXY, b, "orders");
    make(s, TG_RES_PROXY, a, "Orders");
    make(s, TG_RES_CREDENTIAL, a, "orders");
    begin(s);
    assert_int_equal(s->ops->resource_create(s, TG_RES_PROXY, a, TG_STR("orders"), TG_STR("{}"), NOW, &id),
                     TG_ERR_CONFLICT);
    s->ops->rollback(s);
    begin(s);
    assert_int_equal(s->ops->resource_create(s, TG_RES_PROJECT, 0, TG_STR("a"), TG_STR("{}"), NOW, &id),
                     TG_ERR_CONFLICT);
    s->ops->rollback(s);
    begin(s);
    assert_int_equal(s->ops->resource_create(s, TG_RES_PROXY, 9999, TG_STR("x"), TG_STR("{}"), NOW, &id),
                     TG_ERR_NOTFOUND);
    s->ops->rollback(s);
}

static void errors_of_replace_and_delete(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_resource_t r;
    int64_t version, a = make(s, TG_RES_PROJECT, 0, "a"), proxy = make(s, TG_RES_PROXY, a, "p");
    begin(s);
    assert_int_equal(s->ops->resource_replace(s, a, 7, TG_STR("{}"), NOW, &version), TG_ERR_CONFLICT);
    s->ops->rollback(s);
    begin(s);
    assert_int_equal(s->ops->resource_replace(s, 9999, 0, TG_STR("{}"), NOW, &version), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    begin(s);
    assert_int_equal(s->ops->resource_delete(s, 9999), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    begin(s);
    assert_int_equal(s->ops->resource_delete(s, a), TG_ERR_CONFLICT);
    s->ops->rollback(s);
    assert_ok(s->ops->resource_get(s, a, &f->arena, &r));
    assert_int_equal(r.version, 1);
    begin(s);
    assert_ok(s->ops->resource_delete(s, proxy));
    assert_ok(s->ops->resource_delete(s, a));
    commit(s);
    int64_t next = make(s, TG_RES_PROJECT, 0, "a");
    assert_true(next > proxy && next > a); /* never used twice */
}

static void list_check(fixture_t *f, tg_resource_query_t query, int64_t total, const char *names) {
    tg_config_store_t *s = f->config;
    tg_resource_t *rows;
    size_t n;
    int64_t got;
    char text[256] = "";
    assert_ok(s->ops->resource_list(s, &query, &f->arena, &rows, &n, &got));
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(rows[i].kind, query.kind);
        assert_text(rows[i].doc, "{}");
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%.*s", i > 0 ? " " : "",
                 TG_STR_ARGS(rows[i].name));
    }
    assert_string_equal(text, names);
    assert_int_equal(got, total);
}

static void lists_are_filtered_sorted_and_paged(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t a = make(s, TG_RES_PROJECT, 0, "a"), b = make(s, TG_RES_PROJECT, 0, "b");
    static const char *const names[] = {"delta", "Beta", "alpha", "gamma", "alphabet"};
    for (size_t i = 0; i < 5; i++) {
        make(s, TG_RES_PROXY, a, names[i]);
    }
    make(s, TG_RES_PROXY, b, "alpha");
    const tg_resource_query_t in_a = {.kind = TG_RES_PROXY, .parent = a};
    list_check(f, in_a, 5, "Beta alpha alphabet delta gamma");
    tg_resource_query_t q = in_a;
    q.descending = true;
    list_check(f, q, 5, "gamma delta alphabet alpha Beta");
    q = in_a;
    q.offset = 1;
    q.limit = 2;
    list_check(f, q, 5, "alpha alphabet");
    q.offset = 4;
    list_check(f, q, 5, "gamma");
    q.offset = 5;
    list_check(f, q, 5, "");
    q = in_a;
    q.q = TG_STR("ET");
    list_check(f, q, 2, "Beta alphabet");
    q.q = TG_STR("%");
    list_check(f, q, 0, "");
    q = in_a;
    q.parent = 0;
    q.q = TG_STR("alpha");
    list_check(f, q, 3, "alpha alpha alphabet");
    q.kind = TG_RES_POLICY;
    list_check(f, q, 0, "");
}

/* ---- clients ---- */

static int64_t client_add(tg_config_store_t *s, const tg_client_t *c) {
    int64_t key_id;
    begin(s);
    assert_ok(s->ops->client_create(s, c, &key_id));
    commit(s);
    return key_id;
}

static void client_same(const tg_client_t *a, const tg_client_t *b) {
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->owner, b->owner);
    assert_true(tg_str_eq(a->client_id, b->client_id));
    assert_int_equal(a->enabled, b->enabled);
    assert_int_equal(a->expires_at, b->expires_at);
    assert_true(a->generation == b->generation);
    assert_int_equal(a->secret_kind, b->secret_kind);
    assert_true(tg_str_eq(a->secret, b->secret));
}

static void a_client_is_created_found_updated_deleted(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t project = make(s, TG_RES_PROJECT, 0, "a"), proxy = make(s, TG_RES_PROXY, project, "p");
    tg_client_t got, c = client_of(proxy, "id-1");
    c.secret = tg_strn("\0\1\2 32 raw bytes, the first zero", 32);
    c.key_id = client_add(s, &c);
    assert_ok(s->ops->client_find(s, TG_CLIENT_APPLICATION, TG_STR("id-1"), &f->arena, &got));
    assert_int_equal(got.key_id, c.key_id);
    client_same(&got, &c);
    c.client_id = TG_STR("id-2");
    c.enabled = false;
    c.expires_at = NOW;
    c.generation = 1;
    c.secret_kind = TG_SECRET_ARGON2ID;
    c.secret = TG_STR("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA");
    begin(s);
    assert_ok(s->ops->client_update(s, &c));
    commit(s);
    assert_int_equal(s->ops->client_find(s, TG_CLIENT_APPLICATION, TG_STR("id-1"), &f->arena, &got), TG_ERR_NOTFOUND);
    assert_ok(s->ops->client_find_owner(s, proxy, &f->arena, &got));
    client_same(&got, &c);
    assert_int_equal(s->ops->client_find_owner(s, project, &f->arena, &got), TG_ERR_NOTFOUND);
    begin(s);
    assert_ok(s->ops->client_delete(s, c.key_id));
    commit(s);
    assert_int_equal(s->ops->client_find(s, TG_CLIENT_APPLICATION, TG_STR("id-2"), &f->arena, &got), TG_ERR_NOTFOUND);
    tg_client_t again = client_of(proxy, "id-2");
    assert_true(client_add(s, &again) > c.key_id); /* never used twice */
}

static void errors_of_clients(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t key_id;
    tg_client_t a = client_of(1, "a"), b = client_of(2, "b"), credential = client_of(3, "a");
    a.key_id = client_add(s, &a);
    b.key_id = client_add(s, &b);
    credential.kind = TG_CLIENT_CREDENTIAL;
    client_add(s, &credential); /* the same id in the other kind */
    begin(s);
    assert_int_equal(s->ops->client_create(s, &a, &key_id), TG_ERR_CONFLICT);
    s->ops->rollback(s);
    b.client_id = TG_STR("a");
    begin(s);
    assert_int_equal(s->ops->client_update(s, &b), TG_ERR_CONFLICT);
    s->ops->rollback(s);
    begin(s);
    assert_ok(s->ops->client_update(s, &a)); /* to itself */
    commit(s);
    a.key_id = 9999;
    a.client_id = TG_STR("free");
    begin(s);
    assert_int_equal(s->ops->client_update(s, &a), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    begin(s);
    assert_int_equal(s->ops->client_delete(s, 9999), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    char longest[TG_SECRET_ENCODED_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    a.secret = tg_strn(longest, sizeof(longest));
    begin(s);
    assert_int_equal(s->ops->client_create(s, &a, &key_id), TG_ERR_LIMIT);
    s->ops->rollback(s);
    a.secret.n--;
    client_add(s, &a);
}

static void live_state_is_told_with_its_feed_position(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t seq = 77, production = make(s, TG_RES_ENVIRONMENT, 0, "production"),
            test = make(s, TG_RES_ENVIRONMENT, 0, "test");
    tg_live_client_t live;
    memset(&live, 0xff, sizeof(live));
    assert_ok(s->ops->client_live(s, production, TG_CLIENT_APPLICATION, TG_STR("a"), &live, &seq));
    assert_false(live.exists);
    assert_int_equal(live.secret_len, 0);
    assert_int_equal(seq, 0);
    tg_client_t c = client_of(1, "a");
    c.expires_at = NOW + 9;
    begin(s);
    assert_ok(s->ops->client_create(s, &c, &c.key_id));
    assert_ok(s->ops->change_append(s, TG_CHANGE_CLIENT, 0, TG_STR("1:a")));
    commit(s);
    assert_ok(s->ops->client_live(s, production, TG_CLIENT_APPLICATION, TG_STR("a"), &live, &seq));
    assert_true(live.exists && live.enabled);
    assert_int_equal(live.kind, TG_CLIENT_APPLICATION);
    assert_int_equal(live.key_id, c.key_id);
    assert_true(live.generation == c.generation);
    assert_int_equal(live.expires_at, NOW + 9);
    assert_int_equal(live.secret_kind, TG_SECRET_FAST);
    assert_int_equal(live.secret_len, 32);
    assert_memory_equal(live.secret, c.secret.p, 32);
    assert_int_equal(seq, 1);
    begin(s);
    assert_ok(s->ops->client_turn(s, c.key_id, production, 0x8000000000000001u));
    assert_ok(s->ops->change_append(s, TG_CHANGE_CLIENT, production, TG_STR("1:a")));
    commit(s);
    assert_ok(s->ops->client_live(s, production, TG_CLIENT_APPLICATION, TG_STR("a"), &live, &seq));
    assert_true(live.generation == (c.generation ^ 0x8000000000000001u));
    assert_int_equal(seq, 2);
    assert_ok(s->ops->client_live(s, test, TG_CLIENT_APPLICATION, TG_STR("a"), &live, &seq));
    assert_true(live.generation == c.generation);
    begin(s);
    assert_ok(s->ops->client_turn(s, c.key_id, production, 6));
    commit(s);
    assert_ok(s->ops->client_live(s, production, TG_CLIENT_APPLICATION, TG_STR("a"), &live, &seq));
    assert_true(live.generation == (c.generation ^ 6));
    assert_ok(s->ops->client_live(s, production, TG_CLIENT_CREDENTIAL, TG_STR("a"), &live, &seq));
    assert_false(live.exists);
}

static void errors_of_turns(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t environment = make(s, TG_RES_ENVIRONMENT, 0, "production");
    tg_client_t c = client_of(1, "a");
    int64_t key_id = client_add(s, &c);
    const struct {
        int64_t key_id, environment_id;
        uint64_t nonce;
        tg_err_t err;
    } cases[] = {
        {key_id, environment, 0, TG_ERR_INVALID},
        {key_id + 1, environment, 5, TG_ERR_NOTFOUND},
        {key_id, environment + 1, 5, TG_ERR_NOTFOUND},
    };
    for (size_t i = 0; i < 3; i++) {
        begin(s);
        assert_int_equal(s->ops->client_turn(s, cases[i].key_id, cases[i].environment_id, cases[i].nonce),
                         cases[i].err);
        s->ops->rollback(s);
    }
}

/* ---- signing keys, deployments, snapshots ---- */

static void signing_keys_are_listed_in_order_of_creation(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_str_t *docs;
    size_t n;
    int64_t production = make(s, TG_RES_ENVIRONMENT, 0, "production"), test = make(s, TG_RES_ENVIRONMENT, 0, "test");
    assert_ok(s->ops->signing_key_list(s, production, &f->arena, &docs, &n));
    assert_int_equal(n, 0);
    begin(s);
    assert_ok(s->ops->signing_key_put(s, production, TG_STR("z"), TG_STR("1")));
    assert_ok(s->ops->signing_key_put(s, test, TG_STR("z"), TG_STR("other")));
    assert_ok(s->ops->signing_key_put(s, production, TG_STR("a"), TG_STR("2")));
    assert_ok(s->ops->signing_key_put(s, production, TG_STR("z"), TG_STR("3")));
    commit(s);
    assert_ok(s->ops->signing_key_list(s, production, &f->arena, &docs, &n));
    assert_int_equal(n, 2);
    assert_text(docs[0], "3");
    assert_text(docs[1], "2");
    begin(s);
    assert_int_equal(s->ops->signing_key_put(s, 9999, TG_STR("z"), TG_STR("1")), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
}

static void deployments_replace_each_other_and_leave_history(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_deployment_t d, *rows;
    size_t n;
    int64_t revision, production = make(s, TG_RES_ENVIRONMENT, 0, "production"),
                      test = make(s, TG_RES_ENVIRONMENT, 0, "test");
    int64_t project = make(s, TG_RES_PROJECT, 0, "a"), p = make(s, TG_RES_PROXY, project, "p"),
            q = make(s, TG_RES_PROXY, project, "q");
    const tg_deployment_t steps[] = {
        {production, q, 1, NOW, TG_STR("admin"), TG_STR("first"), false, TG_STR("{\"q\":1}")},
        {production, p, 2, NOW + 1, TG_STR("admin"), TG_STR_NONE, false, TG_STR("{\"p\":2}")},
        {test, p, 1, NOW + 2, TG_STR("admin"), TG_STR_NONE, false, TG_STR("{\"p\":1}")},
        {production, p, 3, NOW + 3, TG_STR("other"), TG_STR("again"), false, TG_STR("{\"p\":3}")},
        {production, q, 4, NOW + 4, TG_STR("admin"), TG_STR_NONE, true, TG_STR_NONE},
    };
    for (size_t i = 0; i < 5; i++) {
        begin(s);
        assert_ok(s->ops->revision_next(s, steps[i].environment_id, &revision));
        assert_int_equal(revision, steps[i].revision);
        assert_ok(s->ops->deployment_put(s, &steps[i]));
        if (i == 1) {
            assert_ok(s->ops->deployment_list(s, production, &f->arena, &rows, &n));
            assert_int_equal(n, 2);
            assert_int_equal(rows[0].proxy_id, p < q ? p : q);
        }
        commit(s);
    }
    assert_ok(s->ops->deployment_list(s, production, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    assert_ok(s->ops->deployment_find(s, production, p, &f->arena, &d));
    assert_int_equal(d.environment_id, production);
    assert_int_equal(d.proxy_id, p);
    assert_int_equal(d.revision, 3);
    assert_int_equal(d.at, NOW + 3);
    assert_text(d.by, "other");
    assert_text(d.description, "again");
    assert_false(d.undeploy);
    assert_text(d.doc, "{\"p\":3}");
    assert_int_equal(s->ops->deployment_find(s, production, q, &f->arena, &d), TG_ERR_NOTFOUND);
    assert_ok(s->ops->deployment_history(s, p, &f->arena, &rows, &n));
    assert_int_equal(n, 3);
    assert_int_equal(rows[0].at, NOW + 3);
    assert_int_equal(rows[1].environment_id, test);
    assert_text(rows[2].doc, "");
    assert_ok(s->ops->deployment_as_of(s, production, p, 2, &f->arena, &d));
    assert_text(d.doc, "{\"p\":2}");
    assert_int_equal(d.at, NOW + 1);
    assert_ok(s->ops->deployment_as_of(s, production, p, 9, &f->arena, &d));
    assert_int_equal(d.revision, 3);
    assert_ok(s->ops->deployment_as_of(s, production, q, 3, &f->arena, &d));
    assert_text(d.doc, "{\"q\":1}");
    assert_ok(s->ops->deployment_as_of(s, production, q, 4, &f->arena, &d));
    assert_true(d.undeploy);
    assert_int_equal(s->ops->deployment_as_of(s, production, p, 1, &f->arena, &d), TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->deployment_as_of(s, test, q, 9, &f->arena, &d), TG_ERR_NOTFOUND);
    assert_ok(s->ops->deployment_history(s, q, &f->arena, &rows, &n));
    assert_int_equal(n, 2);
    assert_true(rows[0].undeploy);
    assert_text(rows[0].doc, "");
}

static void history_keeps_its_newest_rows(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_deployment_t d, *rows;
    size_t n;
    int64_t production = make(s, TG_RES_ENVIRONMENT, 0, "production"), test = make(s, TG_RES_ENVIRONMENT, 0, "test");
    int64_t project = make(s, TG_RES_PROJECT, 0, "a"), p = make(s, TG_RES_PROXY, project, "p"),
            q = make(s, TG_RES_PROXY, project, "q");
    begin(s);
    assert_ok(s->ops->deployment_put(s, &(tg_deployment_t){.environment_id = test, .proxy_id = p, .revision = 1}));
    assert_ok(
        s->ops->deployment_put(s, &(tg_deployment_t){.environment_id = production, .proxy_id = q, .revision = 1}));
    for (int i = 1; i <= TG_HISTORY_KEPT + 3; i++) {
        assert_ok(s->ops->deployment_put(
            s, &(tg_deployment_t){.environment_id = production, .proxy_id = p, .revision = i, .doc = TG_STR("{}")}));
    }
    commit(s);
    assert_ok(s->ops->deployment_history(s, p, &f->arena, &rows, &n));
    assert_int_equal(n, TG_HISTORY_KEPT + 1);
    assert_int_equal(rows[0].revision, TG_HISTORY_KEPT + 3);
    assert_int_equal(rows[TG_HISTORY_KEPT - 1].revision, 4);
    assert_int_equal(rows[TG_HISTORY_KEPT].environment_id, test);
    assert_int_equal(s->ops->deployment_as_of(s, production, p, 3, &f->arena, &d), TG_ERR_NOTFOUND);
    assert_ok(s->ops->deployment_find(s, production, q, &f->arena, &d));
    assert_ok(s->ops->deployment_find(s, production, p, &f->arena, &d));
    assert_int_equal(d.revision, TG_HISTORY_KEPT + 3);
}

static void unknown_environments_and_proxies_are_not_found(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t revision, production = make(s, TG_RES_ENVIRONMENT, 0, "production");
    begin(s);
    assert_int_equal(s->ops->revision_next(s, production + 1, &revision), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    tg_deployment_t d = {.environment_id = production, .proxy_id = production + 1};
    begin(s);
    assert_int_equal(s->ops->deployment_put(s, &d), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    d = (tg_deployment_t){.environment_id = production + 1, .proxy_id = production};
    begin(s);
    assert_int_equal(s->ops->deployment_put(s, &d), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
    begin(s);
    assert_int_equal(s->ops->snapshot_put(s, production + 1, 1, TG_STR("{}")), TG_ERR_NOTFOUND);
    s->ops->rollback(s);
}

static void the_newest_snapshot_is_given(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_buf_t doc;
    int64_t id, revision, production = make(s, TG_RES_ENVIRONMENT, 0, "production");
    tg_buf_init(&doc, 4u << 20);
    assert_int_equal(s->ops->snapshot_get(s, TG_STR("production"), &id, &revision, &doc), TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->snapshot_get(s, TG_STR("nowhere"), &id, &revision, &doc), TG_ERR_NOTFOUND);
    size_t n = 3u << 20;
    char *big = malloc(n);
    for (size_t i = 0; i < n; i++) {
        big[i] = (char)('a' + i % 23);
    }
    begin(s);
    assert_ok(s->ops->snapshot_put(s, production, 1, tg_strn(big, n)));
    commit(s);
    assert_ok(s->ops->snapshot_get(s, TG_STR("production"), &id, &revision, &doc));
    assert_int_equal(id, production);
    assert_int_equal(revision, 1);
    assert_int_equal(doc.n, n);
    assert_memory_equal(doc.p, big, n);
    begin(s);
    assert_ok(s->ops->snapshot_put(s, production, 2, TG_STR("small")));
    commit(s);
    tg_buf_reset(&doc);
    assert_ok(s->ops->snapshot_get(s, TG_STR("production"), &id, &revision, &doc));
    assert_int_equal(revision, 2);
    assert_text(tg_buf_str(&doc), "small");
    tg_buf_t tiny;
    tg_buf_init(&tiny, 4);
    assert_int_equal(s->ops->snapshot_get(s, TG_STR("production"), &id, &revision, &tiny), TG_ERR_LIMIT);
    tg_buf_release(&tiny);
    tg_buf_release(&doc);
    free(big);
}

static void what_hangs_on_a_resource_goes_with_it(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t id, revision, e = make(s, TG_RES_ENVIRONMENT, 0, "e"), keep = make(s, TG_RES_ENVIRONMENT, 0, "keep");
    int64_t project = make(s, TG_RES_PROJECT, 0, "a"), p = make(s, TG_RES_PROXY, project, "p");
    tg_client_t c = client_of(p, "a");
    begin(s);
    assert_ok(s->ops->client_create(s, &c, &c.key_id));
    assert_ok(s->ops->client_turn(s, c.key_id, e, 5));
    const int64_t both[] = {e, keep};
    for (size_t i = 0; i < 2; i++) {
        assert_ok(s->ops->signing_key_put(s, both[i], TG_STR("k"), TG_STR("{}")));
        assert_ok(s->ops->revision_next(s, both[i], &revision));
        assert_ok(s->ops->deployment_put(s, &(tg_deployment_t){.environment_id = both[i], .proxy_id = p}));
        assert_ok(s->ops->snapshot_put(s, both[i], 1, TG_STR("{}")));
    }
    assert_ok(s->ops->resource_delete(s, e));
    commit(s);
    tg_str_t *docs;
    tg_deployment_t *rows;
    size_t n;
    tg_buf_t doc;
    tg_buf_init(&doc, 100);
    assert_ok(s->ops->signing_key_list(s, e, &f->arena, &docs, &n));
    assert_int_equal(n, 0);
    assert_ok(s->ops->deployment_history(s, p, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].environment_id, keep);
    assert_int_equal(s->ops->snapshot_get(s, TG_STR("e"), &id, &revision, &doc), TG_ERR_NOTFOUND);
    assert_ok(s->ops->snapshot_get(s, TG_STR("keep"), &id, &revision, &doc));
    assert_ok(s->ops->signing_key_list(s, keep, &f->arena, &docs, &n));
    assert_int_equal(n, 1);
    begin(s);
    assert_ok(s->ops->resource_delete(s, p));
    commit(s);
    assert_ok(s->ops->deployment_list(s, keep, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
    tg_client_t got;
    assert_ok(s->ops->client_find_owner(s, p, &f->arena, &got)); /* the caller's to see to */
    tg_buf_release(&doc);
}

/* ---- change feed ---- */

static void feed_add(tg_config_store_t *s, const char *ref) {
    begin(s);
    assert_ok(s->ops->change_append(s, TG_CHANGE_SNAPSHOT, 3, tg_str(ref)));
    commit(s);
}

static int64_t head_of(tg_config_store_t *s) {
    int64_t seq = -1;
    assert_ok(s->ops->change_head(s, &seq));
    return seq;
}

static void the_feed_is_gap_free(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_change_t *rows;
    size_t n;
    assert_int_equal(head_of(s), 0);
    assert_ok(s->ops->change_read(s, 0, 10, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
    feed_add(s, "1");
    begin(s);
    assert_ok(s->ops->change_append(s, TG_CHANGE_CLIENT, 0, TG_STR("lost")));
    assert_ok(s->ops->change_append(s, TG_CHANGE_CLIENT, 0, TG_STR("lost")));
    s->ops->rollback(s);
    assert_int_equal(head_of(s), 1);
    feed_add(s, "2");
    feed_add(s, "3");
    assert_int_equal(head_of(s), 3);
    assert_ok(s->ops->change_read(s, 0, 10, &f->arena, &rows, &n));
    assert_int_equal(n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(rows[i].seq, i + 1);
        assert_int_equal(rows[i].kind, TG_CHANGE_SNAPSHOT);
        assert_int_equal(rows[i].environment_id, 3);
        assert_int_equal(rows[i].ref.p[0], '1' + (int)i);
    }
    assert_ok(s->ops->change_read(s, 1, 1, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].seq, 2);
    assert_ok(s->ops->change_read(s, 3, 10, &f->arena, &rows, &n));
    assert_int_equal(n, 0);
}

static void a_reader_that_is_too_late_or_too_far_is_told(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_change_t *rows;
    size_t n;
    feed_add(s, "1");
    feed_add(s, "2");
    feed_add(s, "3");
    begin(s);
    assert_ok(s->ops->change_prune(s, 2));
    commit(s);
    assert_int_equal(s->ops->change_read(s, 0, 10, &f->arena, &rows, &n), TG_ERR_LIMIT);
    assert_int_equal(s->ops->change_read(s, 1, 10, &f->arena, &rows, &n), TG_ERR_LIMIT);
    assert_ok(s->ops->change_read(s, 2, 10, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].seq, 3);
    begin(s);
    assert_ok(s->ops->change_prune(s, 3));
    commit(s);
    assert_int_equal(head_of(s), 3);
    assert_int_equal(s->ops->change_read(s, 2, 10, &f->arena, &rows, &n), TG_ERR_LIMIT);
    assert_ok(s->ops->change_read(s, 3, 10, &f->arena, &rows, &n));
    assert_int_equal(s->ops->change_read(s, 4, 10, &f->arena, &rows, &n), TG_ERR_LIMIT); /* the store was put back */
    feed_add(s, "4");
    assert_ok(s->ops->change_read(s, 3, 10, &f->arena, &rows, &n));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].seq, 4);
}

/* ---- sessions and audit ---- */

static void sessions_end(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_session_t got, a = {.token_hash = {1}, .administrator = 7, .expires_at = NOW + 10};
    tg_session_t b = {.token_hash = {2}, .administrator = 8, .expires_at = NOW + 20},
                 c = {.token_hash = {3}, .administrator = 8, .expires_at = NOW + 5},
                 d = {.token_hash = {4}, .administrator = 8, .access_token = 17, .expires_at = NOW + 20};
    begin(s);
    assert_ok(s->ops->session_put(s, &a));
    assert_ok(s->ops->session_put(s, &b));
    assert_ok(s->ops->session_put(s, &c));
    assert_ok(s->ops->session_put(s, &d));
    commit(s);
    assert_ok(s->ops->session_find(s, a.token_hash, NOW + 9, &got));
    assert_int_equal(got.administrator, 7);
    assert_int_equal(got.access_token, 0);
    assert_int_equal(got.expires_at, NOW + 10);
    assert_memory_equal(got.token_hash, a.token_hash, 32);
    assert_int_equal(s->ops->session_find(s, a.token_hash, NOW + 10, &got), TG_ERR_NOTFOUND);
    assert_int_equal(s->ops->session_find(s, (const uint8_t[32]){9}, NOW, &got), TG_ERR_NOTFOUND);
    begin(s);
    assert_ok(s->ops->session_purge(s, NOW + 5, 0));
    commit(s);
    assert_int_equal(s->ops->session_find(s, c.token_hash, NOW, &got), TG_ERR_NOTFOUND);
    assert_ok(s->ops->session_find(s, b.token_hash, NOW, &got));
    begin(s);
    assert_ok(s->ops->session_purge(s, NOW, 8));
    commit(s);
    assert_int_equal(s->ops->session_find(s, b.token_hash, NOW, &got), TG_ERR_NOTFOUND);
    assert_ok(s->ops->session_find(s, a.token_hash, NOW, &got));
    assert_ok(s->ops->session_find(s, d.token_hash, NOW, &got)); /* not for a password */
    assert_int_equal(got.access_token, 17);
    begin(s);
    assert_ok(s->ops->session_delete(s, a.token_hash));
    assert_ok(s->ops->session_delete(s, b.token_hash)); /* gone already */
    commit(s);
    assert_int_equal(s->ops->session_find(s, a.token_hash, NOW, &got), TG_ERR_NOTFOUND);
    assert_ok(s->ops->session_find(s, d.token_hash, NOW, &got));
}

static void the_audit_is_listed_from_the_newest(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_audit_t *rows;
    size_t n;
    for (int i = 0; i < 5; i++) {
        char who[16];
        snprintf(who, sizeof(who), "w%d", i);
        begin(s);
        assert_ok(s->ops->audit_append(
            s, &(tg_audit_t){.at = NOW + i, .who = tg_str(who), .what = TG_STR("PUT /"), .after = TG_STR("{}")}));
        commit(s);
    }
    assert_ok(s->ops->audit_list(s, 0, 2, &f->arena, &rows, &n));
    assert_int_equal(n, 2);
    assert_text(rows[0].who, "w4");
    assert_int_equal(rows[0].at, NOW + 4);
    assert_text(rows[0].what, "PUT /");
    assert_text(rows[0].before, "");
    assert_text(rows[0].after, "{}");
    assert_ok(s->ops->audit_list(s, rows[1].seq, 10, &f->arena, &rows, &n));
    assert_int_equal(n, 3);
    assert_text(rows[2].who, "w0");
}

/* The vector of docs/decisions/0014-audit-chain.md */
static void the_audit_is_a_chain(void **state) {
    static const char *const hashes[] = {"1f7c06bf45b3c89aaf228884b5e26c1e685c5ee8cd02daa5590750b9c39cd38b",
                                         "091f4ddca22eadcf08f6166ba24cd994466091257e3ffd6d15f109cee8e82e78"};
    static const char shop[] = "{\"description\":\"\",\"name\":\"shop\"}";
    const tg_audit_t written[] = {{.at = 1774000000000,
                                   .who = TG_STR("admin"),
                                   .what = TG_STR("POST /apiops/projects/"),
                                   .project = TG_STR("shop"),
                                   .after = tg_str(shop)},
                                  {.at = 1774000000001,
                                   .who = TG_STR("admin"),
                                   .what = TG_STR("DELETE /apiops/projects/shop/"),
                                   .project = TG_STR("shop"),
                                   .before = tg_str(shop)}};
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    tg_audit_t *rows;
    size_t n;
    char hex[2 * TG_AUDIT_HASH_LEN];
    begin(s);
    assert_ok(s->ops->audit_append(s, &written[0]));
    s->ops->rollback(s);
    begin(s);
    assert_ok(s->ops->audit_append(s, &written[0]));
    assert_ok(s->ops->audit_append(s, &written[1]));
    commit(s);
    assert_ok(s->ops->audit_list(s, 0, 10, &f->arena, &rows, &n));
    assert_int_equal(n, 2);
    for (size_t i = 0; i < 2; i++) {
        const tg_audit_t *row = &rows[1 - i];
        uint8_t hash[TG_AUDIT_HASH_LEN];
        assert_int_equal(row->seq, i + 1);
        assert_text(row->project, "shop");
        tg_hex_encode(tg_strn((const char *)row->hash, TG_AUDIT_HASH_LEN), hex);
        assert_memory_equal(hex, hashes[i], sizeof(hex));
        assert_ok(tg_audit_hash(row, hash));
        assert_memory_equal(hash, row->hash, sizeof(hash));
    }
    assert_memory_equal(rows[1].previous, (const uint8_t[TG_AUDIT_HASH_LEN]){0}, TG_AUDIT_HASH_LEN);
    assert_memory_equal(rows[0].previous, rows[1].hash, TG_AUDIT_HASH_LEN);
}

/* ---- transactions ---- */

/* Writes into every table. */
static void write_everything(tg_config_store_t *s, int64_t environment, int64_t proxy) {
    int64_t id, revision, version;
    tg_client_t c = client_of(proxy, "all");
    assert_ok(s->ops->meta_put(s, TG_STR("all"), TG_STR("1")));
    assert_ok(s->ops->resource_create(s, TG_RES_PROJECT, 0, TG_STR("all"), TG_STR("{}"), NOW, &id));
    assert_ok(s->ops->resource_replace(s, environment, 0, TG_STR("changed"), NOW, &version));
    assert_ok(s->ops->client_create(s, &c, &c.key_id));
    assert_ok(s->ops->client_turn(s, c.key_id, environment, 5));
    assert_ok(s->ops->client_secret_put(s, &(tg_client_secret_t){.key_id = c.key_id, .environment_id = environment}));
    assert_ok(s->ops->access_put(s, &(tg_access_entry_t){c.key_id, proxy, TG_STR("{}")}));
    assert_ok(s->ops->signing_key_put(s, environment, TG_STR("all"), TG_STR("{}")));
    assert_ok(s->ops->revision_next(s, environment, &revision));
    assert_ok(s->ops->deployment_put(
        s, &(tg_deployment_t){.environment_id = environment, .proxy_id = proxy, .revision = revision}));
    assert_ok(s->ops->snapshot_put(s, environment, revision, TG_STR("{}")));
    assert_ok(s->ops->change_append(s, TG_CHANGE_SNAPSHOT, environment, TG_STR("1")));
    assert_ok(s->ops->session_put(s, &(tg_session_t){.token_hash = {42}, .administrator = 1, .expires_at = NOW + 1}));
    assert_ok(s->ops->audit_append(s, &(tg_audit_t){.at = NOW}));
}

/* Whether all of write_everything is there (or, all of it not): fails on a mixture. */
static bool everything_there(tg_config_store_t *s, tg_arena_t *arena, int64_t environment, int64_t proxy) {
    tg_str_t text, *docs;
    tg_resource_t r;
    tg_client_t c = {.key_id = 0};
    tg_access_entry_t *access;
    tg_live_client_t live;
    tg_deployment_t *deployments;
    tg_audit_t *audit;
    tg_session_t session;
    tg_buf_t doc;
    size_t n, there = 0;
    int64_t id, revision;
    tg_buf_init(&doc, 100);
    there += s->ops->meta_get(s, TG_STR("all"), arena, &text) == TG_OK;
    there += s->ops->resource_find(s, TG_RES_PROJECT, 0, TG_STR("all"), arena, &r) == TG_OK;
    assert_ok(s->ops->resource_get(s, environment, arena, &r));
    there += r.version == 2;
    there += s->ops->client_find(s, TG_CLIENT_APPLICATION, TG_STR("all"), arena, &c) == TG_OK;
    assert_ok(s->ops->client_live(s, environment, TG_CLIENT_APPLICATION, TG_STR("all"), &live, &id));
    there += live.exists && live.secret_kind == TG_SECRET_NONE;
    assert_ok(s->ops->access_list(s, c.key_id, arena, &access, &n));
    there += n;
    assert_ok(s->ops->signing_key_list(s, environment, arena, &docs, &n));
    there += n;
    assert_ok(s->ops->deployment_list(s, environment, arena, &deployments, &n));
    there += n;
    assert_ok(s->ops->deployment_history(s, proxy, arena, &deployments, &n));
    there += n;
    there += s->ops->snapshot_get(s, TG_STR("e"), &id, &revision, &doc) == TG_OK;
    there += head_of(s) == 1;
    there += s->ops->session_find(s, (const uint8_t[32]){42}, NOW, &session) == TG_OK;
    assert_ok(s->ops->audit_list(s, 0, 10, arena, &audit, &n));
    there += n;
    tg_buf_release(&doc);
    assert_true(there == 0 || there == 13);
    return there > 0;
}

static void a_transaction_is_all_or_nothing(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config, *other = config_open(f, false, 1000);
    int64_t revision, e = make(s, TG_RES_ENVIRONMENT, 0, "e"), project = make(s, TG_RES_PROJECT, 0, "a"),
                      p = make(s, TG_RES_PROXY, project, "p");
    begin(s);
    write_everything(s, e, p);
    assert_true(everything_there(s, &f->arena, e, p)); /* its own writes */
    assert_false(everything_there(other, &f->arena, e, p));
    s->ops->rollback(s);
    assert_false(everything_there(s, &f->arena, e, p));
    assert_false(everything_there(other, &f->arena, e, p));
    begin(s);
    write_everything(s, e, p);
    commit(s);
    assert_true(everything_there(s, &f->arena, e, p));
    assert_true(everything_there(other, &f->arena, e, p));
    begin(s);
    assert_ok(s->ops->revision_next(s, e, &revision));
    assert_int_equal(revision, 2); /* the one that was rolled back was given again */
    s->ops->rollback(s);
    other->ops->close(other);
}

static void a_failed_write_leaves_rollback_only(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t id;
    tg_str_t value;
    make(s, TG_RES_PROJECT, 0, "a");
    begin(s);
    assert_ok(s->ops->meta_put(s, TG_STR("k"), TG_STR("v")));
    assert_int_equal(s->ops->meta_get(s, TG_STR("none"), &f->arena, &value),
                     TG_ERR_NOTFOUND); /* a miss is no failure */
    assert_ok(s->ops->meta_put(s, TG_STR("k2"), TG_STR("v")));
    assert_int_equal(s->ops->resource_create(s, TG_RES_PROJECT, 0, TG_STR("a"), TG_STR("{}"), NOW, &id),
                     TG_ERR_CONFLICT);
    assert_int_equal(s->ops->meta_put(s, TG_STR("k3"), TG_STR("v")), TG_ERR_BUG);
    assert_int_equal(s->ops->commit(s), TG_ERR_BUG);
    assert_int_not_equal(s->fault.text[0], '\0');
    assert_int_equal(s->ops->meta_get(s, TG_STR("k"), &f->arena, &value), TG_ERR_NOTFOUND);
    begin(s); /* and it has rolled back */
    assert_ok(s->ops->meta_put(s, TG_STR("k"), TG_STR("v")));
    commit(s);
    assert_ok(s->ops->meta_get(s, TG_STR("k"), &f->arena, &value));
}

static void writes_need_a_transaction(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t id;
    tg_client_t c = client_of(1, "a");
    assert_int_equal(s->ops->commit(s), TG_ERR_BUG);
    s->ops->rollback(s);
    assert_int_equal(s->ops->meta_put(s, TG_STR("k"), TG_STR("v")), TG_ERR_BUG);
    assert_int_equal(s->ops->resource_create(s, TG_RES_PROJECT, 0, TG_STR("a"), TG_STR("{}"), NOW, &id), TG_ERR_BUG);
    assert_int_equal(s->ops->client_create(s, &c, &id), TG_ERR_BUG);
    assert_int_equal(s->ops->change_append(s, TG_CHANGE_CLIENT, 0, TG_STR("x")), TG_ERR_BUG);
    begin(s);
    assert_int_equal(s->ops->begin(s, 100), TG_ERR_BUG);
    commit(s);
    assert_ok(s->ops->read_begin(s));
    assert_int_equal(s->ops->begin(s, 100), TG_ERR_BUG);
    s->ops->read_end(s);
    begin(s);
    commit(s);
}

static void a_read_view_stands_still(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config, *reader = config_open(f, false, 1000);
    feed_add(s, "1");
    assert_ok(reader->ops->read_begin(reader));
    assert_int_equal(head_of(reader), 1);
    feed_add(s, "2");
    assert_int_equal(head_of(reader), 1);
    assert_ok(reader->ops->read_begin(reader)); /* nests */
    reader->ops->read_end(reader);
    feed_add(s, "3");
    assert_int_equal(head_of(reader), 1);
    reader->ops->read_end(reader);
    assert_int_equal(head_of(reader), 3);
    begin(s);
    assert_ok(s->ops->read_begin(s)); /* within a transaction: sees its writes */
    assert_ok(s->ops->change_append(s, TG_CHANGE_CLIENT, 0, TG_STR("x")));
    assert_int_equal(head_of(s), 4);
    s->ops->read_end(s);
    commit(s);
    reader->ops->close(reader);
}

static void a_second_writer_waits_for_its_time_only(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config, *other = config_open(f, false, 1000);
    begin(s);
    assert_int_equal(other->ops->begin(other, 0), TG_ERR_UNAVAILABLE);
    assert_int_equal(other->ops->begin(other, 50), TG_ERR_UNAVAILABLE);
    assert_int_not_equal(other->fault.text[0], '\0');
    s->ops->rollback(s);
    assert_ok(other->ops->begin(other, 0));
    s->ops->close(s); /* closing does not touch the other's lock */
    f->config = config_open(f, false, 1000);
    assert_int_equal(f->config->ops->begin(f->config, 0), TG_ERR_UNAVAILABLE);
    assert_ok(other->ops->commit(other));
    begin(f->config);
    other->ops->close(other);
}

static void closing_rolls_back(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *other = config_open(f, false, 1000);
    tg_str_t value;
    begin(other);
    assert_ok(other->ops->meta_put(other, TG_STR("k"), TG_STR("v")));
    other->ops->close(other);
    assert_int_equal(f->config->ops->meta_get(f->config, TG_STR("k"), &f->arena, &value), TG_ERR_NOTFOUND);
    begin(f->config);
}

/* ---- memory ---- */

static void without_memory_nothing_changes(void **state) {
    fixture_t *f = *state;
    tg_config_store_t *s = f->config;
    int64_t e = make(s, TG_RES_ENVIRONMENT, 0, "e"), project = make(s, TG_RES_PROJECT, 0, "a"),
            p = make(s, TG_RES_PROXY, project, "p");
    tg_client_t c = client_of(p, "all");
    int64_t key_id, id;
    for (long n = 0;; n++) {
        assert_true(n < 1000);
        alloc_fail_after(n);
        tg_err_t err = s->ops->begin(s, 1000);
        if (err == TG_OK) {
            err = s->ops->resource_create(s, TG_RES_PROJECT, 0, TG_STR("all"), TG_STR("{}"), NOW, &id);
        }
        if (err == TG_OK) {
            err = s->ops->client_create(s, &c, &key_id);
        }
        if (err == TG_OK) {
            err = s->ops->deployment_put(s, &(tg_deployment_t){.environment_id = e, .proxy_id = p});
        }
        bool failed = alloc_failed();
        s->ops->rollback(s);
        assert_false(everything_there(s, &f->arena, e, p));
        if (!failed) {
            assert_ok(err);
            break;
        }
        assert_int_equal(err, TG_ERR_NOMEM);
    }
    tg_arena_t small;
    tg_resource_t r;
    tg_arena_init(&small, 1);
    assert_int_equal(s->ops->resource_get(s, e, &small, &r), TG_ERR_NOMEM);
    tg_arena_release(&small);
}

static void opening_tells_what_is_not_there(void **state) {
    fixture_t *f = *state;
    fixture_t g = {.uri = ""};
    tg_config_store_t *s;
    tg_token_store_t *t;
    tg_fault_t fault = {.field = ""};
    (void)f;
    place_make(&g);
    assert_int_equal(tg_config_store_open(tg_str(g.uri), &(tg_store_options_t){.create = false}, &s, &fault),
                     TG_ERR_NOTFOUND);
    assert_null(s);
    assert_int_not_equal(fault.text[0], '\0');
    assert_int_equal(tg_token_store_open(tg_str(g.uri), &(tg_store_options_t){.create = false}, &t, NULL),
                     TG_ERR_NOTFOUND);
    assert_null(t);
    place_remove(&g);
}

static void verbs_are_there(const void *ops, size_t size, size_t optional) {
    const void *const *verbs = ops;
    for (size_t i = 0; i < size / sizeof(void *); i++) {
        assert_true(verbs[i] != NULL || i == optional / sizeof(void *));
    }
}

static void no_verb_is_missing(void **state) {
    fixture_t *f = *state;
    verbs_are_there(f->config->ops, sizeof(*f->config->ops), offsetof(tg_config_ops_t, change_fd));
    verbs_are_there(f->tokens->ops, sizeof(*f->tokens->ops), offsetof(tg_token_ops_t, change_fd));
}

static const struct CMUnitTest tests[] = {
    CONTRACT(no_verb_is_missing),
    CONTRACT(meta_keeps_the_last_value),
    CONTRACT(another_master_key_is_a_conflict),
    CONTRACT(a_resource_is_created_found_replaced_deleted),
    CONTRACT(a_name_is_taken_within_its_kind_and_parent_only),
    CONTRACT(errors_of_replace_and_delete),
    CONTRACT(lists_are_filtered_sorted_and_paged),
    CONTRACT(a_client_is_created_found_updated_deleted),
    CONTRACT(errors_of_clients),
    CONTRACT(live_state_is_told_with_its_feed_position),
    CONTRACT(errors_of_turns),
    CONTRACT(signing_keys_are_listed_in_order_of_creation),
    CONTRACT(deployments_replace_each_other_and_leave_history),
    CONTRACT(history_keeps_its_newest_rows),
    CONTRACT(unknown_environments_and_proxies_are_not_found),
    CONTRACT(the_newest_snapshot_is_given),
    CONTRACT(what_hangs_on_a_resource_goes_with_it),
    CONTRACT(the_feed_is_gap_free),
    CONTRACT(a_reader_that_is_too_late_or_too_far_is_told),
    CONTRACT(sessions_end),
    CONTRACT(the_audit_is_listed_from_the_newest),
    CONTRACT(the_audit_is_a_chain),
    CONTRACT(a_transaction_is_all_or_nothing),
    CONTRACT(a_failed_write_leaves_rollback_only),
    CONTRACT(writes_need_a_transaction),
    CONTRACT(a_read_view_stands_still),
    CONTRACT(a_second_writer_waits_for_its_time_only),
    CONTRACT(closing_rolls_back),
    CONTRACT(without_memory_nothing_changes),
    CONTRACT(opening_tells_what_is_not_there),
};

CONTRACT_MAIN(tests, false)
