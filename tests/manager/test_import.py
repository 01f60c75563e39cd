"""Configuration as a document: export, import, and what the second time must not do."""
import copy
import json
import time

import pytest

from harness_manager import SLOW, policy_body, proxy_body

SHOP = {
    "name": "shop",
    "description": "the shop",
    "organizations": [{"name": "acme", "metadata": [{"key": "tier", "value": "gold", "includeInTokenResponse": True}]}],
    "proxies": [
        dict(proxy_body("orders"), roleNameList=["read"], policies=[dict(policy_body(), name="auth")], environments=["production"]),
        dict(proxy_body("stock"), environments=["production", "test"]),
        dict(proxy_body("drafts"), environments=[]),
    ],
    "proxyGroups": [{"name": "all", "policies": [dict(policy_body("oauth2"), name="auth")], "members": ["orders", "stock"], "environments": ["production", "test"]}],
    "policyGroups": [{"name": "rules", "members": ["drafts"], "environments": []}],
    "credentials": [
        {"username": "api-user", "password": "a-password-of-8", "organization": "acme", "roleNameList": ["read"], "ipList": ["10.0.0.0/8"],
         "environments": [{"environmentName": "test", "password": "for-test-alone", "ipList": ["127.0.0.1"]}],
         "token": {"grantType": "CLIENT_CREDENTIALS", "tokenExpiresInAmount": 2, "tokenExpiresInUnit": "HOURS"},
         "access": [{"name": "orders", "type": "API_PROXY"}, {"name": "all", "type": "API_PROXY_GROUP", "settings": [
             {"environmentName": "test", "quota": {"limit": 5, "intervalAmount": 1, "intervalUnit": "MINUTES"}}]}]},
        {"username": "made"},
    ],
}
DOCUMENT = {"tollgate": 1, "tokenManagement": {"scopeMismatchBehavior": "LENIENT"},
            "environments": [{"name": "production", "leewaySeconds": 5}, {"name": "test"}], "projects": [SHOP]}


def document(**project):
    """DOCUMENT with members of its project changed; None takes one out."""
    doc = copy.deepcopy(DOCUMENT)
    for name, value in project.items():
        if value is None:
            del doc["projects"][0][name]
        else:
            doc["projects"][0][name] = value
    return doc


def apply(manager, doc, **options):
    return manager.api("POST", "/import/", dict({"document": doc}, **options))["result"]


def refused(manager, doc, status=400, **options):
    return manager.refused(status, "POST", "/import/", dict({"document": doc}, **options))


def export(manager, query=""):
    return manager.api("GET", "/export" + query)["result"]


def audit(manager):
    return manager.api("GET", "/auditEvents/?pageSize=1000")["resultList"]


def marks(manager):
    """What must stand still when nothing changes."""
    with manager.config() as db:
        return [db.execute(sql).fetchall() for sql in (
            "SELECT id, version, updated_at, doc FROM resource ORDER BY id", "SELECT * FROM client ORDER BY key_id", "SELECT max(seq) FROM change_log",
            "SELECT environment_id, revision FROM snapshot ORDER BY 1", "SELECT count(*) FROM deployment_history", "SELECT max(seq) FROM audit")]


def actions(result, kind=None):
    return [(c["action"], c["path"]) for c in result["changes"] if kind in (None, c["kind"])]


@pytest.fixture
def filled(own):
    manager = own().start()
    manager.first = apply(manager, DOCUMENT)
    return manager


def test_a_document_makes_everything_that_it_names(filled):
    proxy = filled.api("GET", "/projects/shop/apiProxies/orders/")
    assert proxy["result"]["clientRoute"]["relativePathList"] == ["/orders"]
    assert filled.api("GET", "/projects/shop/apiProxies/orders/settings/keys/")["applicationKey"]["roleNameList"] == ["read"]
    assert filled.api("GET", "/projects/shop/apiProxies/orders/policies/auth/")["result"]["policy"]["type"] == "policy-auth-jwt"
    assert [m["apiProxyName"] for m in filled.api("GET", "/projects/shop/apiProxyGroups/all/apiProxies/")["resultList"]] == ["orders", "stock"]
    assert filled.api("GET", "/settings/token-management/")["result"]["scopeMismatchBehavior"] == "LENIENT"
    assert filled.api("GET", "/environments/production/")["result"]["leewaySeconds"] == 5
    assert filled.api("GET", "/projects/shop/credentials/api-user/token/")["result"]["tokenExpiresInAmount"] == 2
    access = filled.api("GET", "/projects/shop/credentials/api-user/access/")["resultList"]
    assert [(a["name"], a["type"]) for a in access] == [("all", "API_PROXY_GROUP"), ("orders", "API_PROXY")]
    names = {e: sorted(p["proxy"]["apiProxyName"] for p in filled.snapshot(e)["proxies"]) for e in ("production", "test")}
    assert names == {"production": ["orders", "stock"], "test": ["stock"]}
    assert [g["group"]["name"] for g in filled.snapshot("test")["groups"]] == ["all"]


def test_one_revision_for_each_environment(filled):
    assert filled.snapshot("production")["revision"] == 2 and filled.snapshot("test")["revision"] == 1
    snapshots = [row for row in filled.feed() if row[1] == 1 and row[2] == filled.environment_id("test")]
    assert [row[3] for row in snapshots] == ["1"]


def test_made_secrets_are_answered_once_and_chosen_ones_never(filled):
    secrets = {s["path"]: s for s in filled.first["secrets"]}
    base = "/apiops/projects/shop/"
    assert set(secrets) == {base + "apiProxies/orders/", base + "apiProxies/stock/", base + "apiProxies/drafts/", base + "apiProxyGroups/all/",
                            base + "policyGroups/rules/", base + "credentials/made/"}
    key = filled.api("GET", "/projects/shop/apiProxies/orders/")["applicationKey"]["clientId"]
    assert secrets[base + "apiProxies/orders/"]["clientId"] == key
    everything = filled.bytes_at_rest() + filled.log().encode() + json.dumps(filled.first["changes"]).encode()
    for secret in [s["clientSecret"] for s in secrets.values()] + ["a-password-of-8", "for-test-alone"]:
        assert secret.encode() not in everything
    assert apply(filled, DOCUMENT)["secrets"] == []


def test_the_same_document_again_changes_nothing(filled):
    before = marks(filled)
    answer = filled.api("POST", "/import/", {"document": DOCUMENT})
    assert answer["result"] == {"changes": [], "secrets": []} and "deploymentResult" not in answer
    assert apply(filled, DOCUMENT, prune=True) == {"changes": [], "secrets": []}
    assert marks(filled) == before


def test_an_export_applied_where_it_is_from_changes_nothing(filled):
    before = marks(filled)
    assert apply(filled, export(filled), prune=True)["changes"] == []
    assert marks(filled) == before


def test_export_into_an_empty_instance_exports_the_same(filled, own):
    first = export(filled)
    with own() as other:
        apply(other, first, prune=True)
        assert export(other) == first


def test_an_export_has_no_secret(filled):
    text = json.dumps(export(filled))
    for word in ("password", "secret", "argon2", "clientId", "publicKey", "tgc_", "tgs_"):
        assert word not in text.replace('"clientSecretRequired"', "").replace('"secret": false', ""), word


def test_one_project_alone(filled):
    filled.project("other")
    assert [p["name"] for p in export(filled)["projects"]] == ["default", "other", "shop"]
    one = export(filled, "?project=shop")
    assert set(one) == {"tollgate", "projects"} and [p["name"] for p in one["projects"]] == ["shop"]
    assert "nothing" in filled.refused(404, "GET", "/export?project=nothing")
    assert "projekt" in filled.refused(400, "GET", "/export?projekt=shop")


def test_each_changed_object_is_an_audit_row_as_of_a_single_call(filled):
    rows = {(r["what"]) for r in audit(filled)}
    base = "/apiops/projects/shop/"
    for what in ("PUT /apiops/settings/token-management/", "POST /apiops/environments/test/", "PUT /apiops/environments/production/", f"POST {base}",
                 f"POST {base}apiProxies/orders/", f"PUT {base}apiProxies/orders/settings/keys/", f"POST {base}apiProxies/orders/policies/auth/",
                 f"POST {base}apiProxyGroups/all/apiProxies/stock/", f"POST {base}credentials/api-user/", f"PUT {base}credentials/api-user/token/",
                 f"PUT {base}credentials/api-user/access/", f"POST {base}apiProxies/stock/environments/test/"):
        assert what in rows, what
    assert not any("import" in what for what in rows)
    assert len([r for r in audit(filled) if r["who"] == "admin"]) == len(filled.first["changes"])
    row = next(r for r in audit(filled) if r["what"] == f"POST {base}credentials/api-user/")
    assert row["who"] == "admin" and row["before"] is None and row["after"]["password"] == "***"


def test_a_change_tells_which_fields(filled):
    doc = document()
    doc["projects"][0]["proxies"][0]["apiProxyDescription"] = "new"
    result = apply(filled, doc)
    assert result["changes"] == [
        {"action": "update", "kind": "apiProxy", "path": "/apiops/projects/shop/apiProxies/orders/", "fields": ["apiProxyDescription"]},
        {"action": "deploy", "kind": "deployment", "path": "/apiops/projects/shop/apiProxies/orders/environments/production/", "fields": ["revision"]}]
    assert apply(filled, doc)["changes"] == []


def test_a_dry_run_says_the_same_and_does_nothing(filled):
    doc = document(credentials=[])
    doc["projects"][0]["proxies"].append(dict(proxy_body("new"), environments=["test"]))
    doc["environments"].append({"name": "third"})
    before = marks(filled)
    dry = filled.api("POST", "/import/", {"document": doc, "dryRun": True, "prune": True})
    assert marks(filled) == before and dry["result"]["secrets"] == [] and "deploymentResult" not in dry
    assert apply(filled, doc, prune=True)["changes"] == dry["result"]["changes"] != []


def test_what_is_left_out_stays(filled):
    before = export(filled)
    assert apply(filled, {"tollgate": 1})["changes"] == []
    assert apply(filled, {"tollgate": 1, "projects": [{"name": "shop", "description": "the shop"}]}, prune=True)["changes"] == []
    bare = dict(proxy_body("orders"))
    assert apply(filled, {"tollgate": 1, "projects": [{"name": "shop", "description": "the shop", "proxies": [bare]}]})["changes"] == []
    assert export(filled) == before


def test_a_member_that_is_left_out_of_a_named_body_is_the_default(filled):
    doc = document()
    del doc["projects"][0]["credentials"][0]["roleNameList"], doc["projects"][0]["credentials"][0]["token"]
    result = apply(filled, doc)
    assert [(c["kind"], c["fields"]) for c in result["changes"]] == [("credential", ["roleNameList"]), ("token", ["tokenExpiresInAmount"])]
    assert filled.api("GET", "/projects/shop/credentials/api-user/token/")["result"]["tokenExpiresInAmount"] == 1


def test_prune_deletes_what_the_named_projects_have_beyond(filled):
    filled.proxy("default", "bystander")
    doc = document(credentials=[SHOP["credentials"][1]], proxyGroups=[], organizations=[])
    doc["projects"][0]["proxies"] = [p for p in doc["projects"][0]["proxies"] if p["apiProxyName"] != "orders"]
    kept = copy.deepcopy(doc)
    assert not [c for c in apply(filled, doc)["changes"] if c["action"] == "delete"]
    result = apply(filled, doc, prune=True)
    deleted = {path for action, path in actions(result) if action == "delete"}
    base = "/apiops/projects/shop/"
    assert {base + "credentials/api-user/", base + "apiProxies/orders/", base + "apiProxyGroups/all/", base + "credential-organizations/acme/"} <= deleted
    assert filled.client("api-user") is None
    assert [p["proxy"]["apiProxyName"] for p in filled.snapshot()["proxies"]] == ["stock"] and filled.snapshot()["groups"] == []
    assert apply(filled, kept, prune=True)["changes"] == []
    assert filled.api("GET", "/projects/default/apiProxies/bystander/")


def test_a_section_that_is_left_out_is_not_pruned(filled):
    assert apply(filled, document(credentials=None, proxies=None, proxyGroups=None, policyGroups=None, organizations=None), prune=True)["changes"] == []


def test_a_proxy_that_stays_deployed_keeps_its_tokens_when_its_group_goes(filled):
    key = filled.api("GET", "/projects/shop/apiProxies/stock/")["applicationKey"]["clientId"]
    client = filled.client(key)
    doc = document(proxyGroups=[], credentials=None)
    apply(filled, doc, prune=True)
    assert filled.client(key)["version"] == client["version"]
    assert all(p["groupIds"] == [] for p in filled.snapshot()["proxies"])


def test_where_things_are_deployed_follows_the_document(filled):
    doc = document()
    doc["projects"][0]["proxies"][1]["environments"] = ["test"]
    doc["projects"][0]["proxies"][2]["environments"] = ["test"]
    doc["projects"][0]["policyGroups"][0]["environments"] = ["test"]
    result = apply(filled, doc)
    base = "/apiops/projects/shop/"
    assert sorted(actions(result)) == [("deploy", base + "apiProxies/drafts/environments/test/"), ("deploy", base + "policyGroups/rules/environments/test/"),
                                       ("undeploy", base + "apiProxies/stock/environments/production/")]
    assert apply(filled, doc)["changes"] == []


def test_a_route_passes_from_one_proxy_to_another_in_one_import(filled):
    doc = document()
    doc["projects"][0]["proxies"][0]["clientRoute"]["relativePathList"] = ["/stock"]
    doc["projects"][0]["proxies"][1]["clientRoute"]["relativePathList"] = ["/orders"]
    assert len(apply(filled, doc)["changes"]) == 5
    assert {p["proxy"]["apiProxyName"]: p["proxy"]["clientRoute"]["relativePathList"] for p in filled.snapshot()["proxies"]} == {
        "orders": ["/stock"], "stock": ["/orders"]}


def test_a_proxy_moves_to_another_group(filled):
    doc = document()
    doc["projects"][0]["proxyGroups"][0]["members"] = ["orders"]
    doc["projects"][0]["proxyGroups"].insert(0, {"name": "second", "members": ["stock"], "environments": ["production", "test"]})
    apply(filled, doc)
    assert [m["apiProxyName"] for m in filled.api("GET", "/projects/shop/apiProxyGroups/second/apiProxies/")["resultList"]] == ["stock"]
    assert apply(filled, doc)["changes"] == []


def test_secrets_of_what_is_there_stay_unless_asked(filled):
    before, key = filled.client("api-user"), filled.api("GET", "/projects/shop/apiProxies/orders/")["applicationKey"]["clientId"]
    doc = document()
    doc["projects"][0]["credentials"][0]["password"] = "another-password"
    doc["projects"][0]["proxies"][0].update(publicKey="chosen-id", secretKey="chosen-secret")
    assert apply(filled, doc)["changes"] == []
    assert filled.client("api-user") == before and filled.client(key)
    changes = apply(filled, doc, setSecrets=True)["changes"]
    assert {c["kind"] for c in changes} >= {"credential", "applicationKey"}
    after = filled.client("api-user")
    assert after["secret"] != before["secret"] and after["generation"] != before["generation"]
    assert filled.client("chosen-id") and filled.client(key) is None


def test_a_new_proxy_takes_the_keys_of_the_document(own):
    with own() as manager:
        doc = {"tollgate": 1, "projects": [{"name": "default", "proxies": [dict(proxy_body("a"), publicKey="a-id", secretKey="a-secret-key"),
                                                                           dict(proxy_body("b"), publicKey="b-id")]}]}
        result = apply(manager, doc)
        assert [(s["clientId"], s["path"]) for s in result["secrets"]] == [("b-id", "/apiops/projects/default/apiProxies/b/")]
        assert manager.client("a-id") and manager.client("b-id")
        assert apply(manager, doc) == {"changes": [], "secrets": []}


def test_a_password_of_an_environment_that_has_none_yet_is_taken(filled):
    doc = document()
    doc["projects"][0]["credentials"][0]["environments"].append({"environmentName": "production", "password": "for-production"})
    assert [(c["kind"], c["fields"]) for c in apply(filled, doc)["changes"]] == [("credential", ["environments", "passwordsOfEnvironments"])]
    assert apply(filled, doc)["changes"] == []


def test_secret_metadata_stays_when_the_document_leaves_it_out(own):
    with own() as manager:
        entry = {"key": "pin", "value": "4711-secret", "secret": True}
        doc = {"tollgate": 1, "projects": [{"name": "default", "credentials": [{"username": "u", "metadata": [entry]}],
                                            "organizations": [{"name": "o", "metadata": [dict(entry, value="4712-secret")]}]}]}
        apply(manager, doc)
        exported = export(manager)
        assert "4711-secret" not in json.dumps(exported) and "4712-secret" not in json.dumps(exported)
        assert apply(manager, exported)["changes"] == []
        exported["projects"][0]["credentials"][0]["username"] = "v"
        assert "projects[0].credentials[0].metadata[0].value" in refused(manager, exported)


def secrets_document(own, organization, more=""):
    """A credential with a secret of its own that is a member of an organization with another one."""
    def entry(key, value):
        return {"key": key, "secret": True, "includeInTokenResponse": True, **({} if value is None else {"value": value})}
    return {"tollgate": 1, "projects": [{"name": "vault", "description": more, "organizations": [{"name": "o", "metadata": [entry("theirs", organization)]}],
                                         "credentials": [{"username": "u", "organization": "o", "metadata": [entry("pin", own)]}]}]}


def seals(manager):
    """What rests of the two entries, and what gateways read of them."""
    with manager.config() as db:
        rest = [json.loads(db.execute("SELECT doc FROM resource WHERE name = ?", (name,)).fetchone()[0])["metadata"][0]["sealed"] for name in ("u", "o")]
    return rest + [e["sealed"] for e in json.loads(manager.client("u")["details"])["metadata"]]


def test_secret_metadata_of_a_document_readable_in_a_copy_of_the_database(own):
    """Attack: the database, its log of writes or a backup is read, where a document brought the values."""
    with own() as manager:
        for values in (("Readable-Pin-1", "Readable-Pin-2"), ("Readable-Pin-3", "Readable-Pin-4")):
            apply(manager, secrets_document(*values), dryRun=True)
            result = apply(manager, secrets_document(*values))
            assert {"credential", "organization"} <= {c["kind"] for c in result["changes"]}
        refused(manager, secrets_document("Readable-Pin-5", "Readable-Pin-6", more=7))
        manager.api("PATCH", "/projects/vault/credentials/u/", {"fullName": "a member again"})
        with manager.config() as db:
            dump = "\n".join(db.iterdump())
        assert "Readable-Pin" not in dump and b"Readable-Pin" not in manager.bytes_at_rest() and "Readable-Pin" not in manager.log()
        assert len(set(seals(manager))) == 3  # its own entry has one seal, that of the organization one for each of its places
        text = json.dumps(export(manager)) + json.dumps(audit(manager))
        assert "Readable-Pin" not in text and "sealed" not in text


def test_a_document_that_says_the_same_secrets_again_changes_nothing(own):
    with own() as manager:
        doc = secrets_document("4711-secret", "4712-secret")
        apply(manager, doc)
        before = marks(manager)
        for again in (doc, secrets_document(None, None), export(manager, "?project=vault")):
            assert apply(manager, again) == {"changes": [], "secrets": []}
        assert marks(manager) == before
        kept = seals(manager)
        apply(manager, secrets_document("another", None, more="more"))
        assert [old == new for old, new in zip(kept, seals(manager))].count(False) >= 2  # its own, in both places
        assert seals(manager)[1] == kept[1]


def test_a_new_object_needs_the_values_of_its_secrets(own):
    with own() as manager:
        assert "projects[0].organizations[0].metadata[0].value" in refused(manager, secrets_document("x", None))
        assert "projects[0].credentials[0].metadata[0].value" in refused(manager, secrets_document(None, "x"))
        doc = secrets_document("x", "x")
        doc["projects"][0]["credentials"][0]["metadata"][0]["sealed"] = "AAAA"
        assert "projects[0].credentials[0].metadata[0].sealed" in refused(manager, doc)


# refusals: each names its place, and nothing is left of the rest


def broken(path, value):
    doc = document()
    at = doc
    for step in path[:-1]:
        at = at[step]
    if value is None:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return doc


P0 = ("projects", 0)


@pytest.mark.parametrize("path, value, named", [
    (("tollgate",), 2, "document.tollgate: must be 1"),
    (("tollgate",), None, "document.tollgate: is required"),
    (("tollgate",), "1", "document.tollgate"),
    (("enviroments",), [], "document.enviroments: is not a known field"),
    (("projects",), {}, "document.projects: must be a list"),
    (("tokenManagement",), {"expiresInUnit": "DAYS"}, "tokenManagement.expiresInUnit"),
    (("environments", 0, "leewaySeconds"), 301, "environments[0].leewaySeconds"),
    (("environments", 1, "name"), "production", "environments[1].name: stands in the list twice"),
    (P0, "shop", "projects[0]: must be an object"),
    (P0 + ("proxys",), [], "projects[0].proxys: is not a known field"),
    (P0 + ("name",), "a b", "projects[0].name"),
    (P0 + ("proxies", 0, "clientRoute", "relativePathList"), ["orders"], "projects[0].proxies[0].clientRoute.relativePathList[0]"),
    (P0 + ("proxies", 1), 7, "projects[0].proxies[1]: must be an object"),
    (P0 + ("proxies", 1, "apiProxyName"), "orders", "projects[0].proxies[1].apiProxyName: stands in the list twice"),
    (P0 + ("proxies", 1, "apiProxyName"), "url", "projects[0].proxies[1].apiProxyName"),
    (P0 + ("proxies", 1, "deploy"), True, "projects[0].proxies[1].deploy: is not for documents"),
    (P0 + ("proxies", 1, "members"), [], "projects[0].proxies[1].members: is not a known field"),
    (P0 + ("proxies", 1, "environments"), ["nowhere"], "projects[0].proxies[1].environments[0]: there is no environment"),
    (P0 + ("proxies", 1, "environments"), "test", "projects[0].proxies[1].environments: must be a list"),
    (P0 + ("proxies", 0, "policies", 0, "policy", "type"), "policy-auth-saml", "projects[0].proxies[0].policies[0].policy.type"),
    (P0 + ("proxies", 0, "policies", 0, "name"), None, "projects[0].proxies[0].policies[0].name: is required"),
    (P0 + ("proxies", 0, "secretKey"), "short", "projects[0].proxies[0].secretKey"),
    (P0 + ("proxies", 0, "roleNameList"), ["a b"], "projects[0].proxies[0].roleNameList[0]"),
    (P0 + ("proxyGroups", 0, "members"), ["nobody"], "projects[0].proxyGroups[0].members[0]: there is no API proxy"),
    (P0 + ("proxyGroups", 0, "environments"), [], "projects[0].proxies[0].environments: names \"production\", and the API proxy group \"all\""),
    (P0 + ("credentials", 0, "username"), "a:b", "projects[0].credentials[0].username"),
    (P0 + ("credentials", 1, "username"), "import", "projects[0].credentials[1].username"),
    (P0 + ("credentials", 0, "password"), "short", "projects[0].credentials[0].password"),
    (P0 + ("credentials", 0, "organization"), "nobody", "projects[0].credentials[0].organization"),
    (P0 + ("credentials", 0, "token", "grantType"), "CODE", "projects[0].credentials[0].token.grantType"),
    (P0 + ("credentials", 0, "access", 0, "type"), "THING", "projects[0].credentials[0].access[0].type"),
    (P0 + ("credentials", 0, "access", 0, "name"), "nobody", "projects[0].credentials[0].access[0].name: there is no API proxy"),
    (P0 + ("credentials", 0, "environments", 0, "environmentName"), "nowhere", "projects[0].credentials[0].environments[0].environmentName"),
])
def test_a_fault_names_its_place_and_leaves_nothing(manager, path, value, named):
    before = marks(manager)
    message = refused(manager, broken(path, value))
    assert message.startswith(named), message
    assert marks(manager) == before


def test_a_conflict_deep_in_the_document_rolls_back_everything(own):
    with own() as manager:
        manager.api("POST", "/projects/default/credentials/", {"username": "made"})
        before = marks(manager)
        assert refused(manager, DOCUMENT, 409).startswith("projects[0].credentials[1].username: \"made\" is taken")
        doc = document(credentials=None)
        doc["projects"][0]["proxies"][1]["clientRoute"]["relativePathList"] = ["/orders"]
        assert "same route" in refused(manager, doc, 409)
        assert marks(manager) == before


@pytest.mark.parametrize("body, named", [({}, "document"), ({"document": []}, "document"), ({"document": DOCUMENT, "dryrun": True}, "dryrun"),
                                         ({"document": DOCUMENT, "prune": "yes"}, "prune"), ({"document": DOCUMENT, "setSecrets": 1}, "setSecrets")])
def test_the_call_refuses_by_name(manager, body, named):
    assert manager.refused(400, "POST", "/import/", body).startswith(named)


def test_roles(manager):
    for role, read, write in (("VIEWER", 200, 403), ("OPERATOR", 200, 200), ("ADMIN", 200, 200)):
        manager.api("POST", "/administrators/", {"name": "import-" + role.lower(), "role": role, "password": "a long password here"})
        token = manager.login("import-" + role.lower(), "a long password here").json()["access_token"]
        assert manager.http("GET", "/apiops/export", token=token).status_code == read
        assert manager.http("POST", "/apiops/import", token=token, json={"document": {"tollgate": 1}}).status_code == write
    assert manager.http("GET", "/apiops/export", token=False).status_code == 401


def test_a_large_document_is_taken_here_and_nowhere_else(manager):
    doc = {"tollgate": 1, "projects": [{"name": "default", "description": "", "credentials": [
        {"username": f"large-{i}", "description": "x" * 1000} for i in range(1200)]}]}
    assert len(json.dumps(doc)) > 1 << 20
    assert manager.http("POST", "/apiops/projects/", json=doc).status_code == 413
    assert len(apply(manager, doc, dryRun=True)["changes"]) == 1200
    if SLOW == 1:  # checked allocations copy the body at each growth
        assert manager.http("POST", "/apiops/import/", data=b" " * ((64 << 20) + 1), headers={"Content-Type": "application/json"}).status_code == 413
    deep = b'{"document":' + b"[" * 100 + b"]" * 100 + b"}"
    assert manager.http("POST", "/apiops/import/", data=deep, headers={"Content-Type": "application/json"}).status_code == 400


def test_a_thousand_proxies_and_ten_thousand_credentials(own):
    doc = {"tollgate": 1, "projects": [{
        "name": "big",
        "proxies": [dict(proxy_body(f"p{i}"), policies=[dict(policy_body(), name="auth")], environments=["production"]) for i in range(1000)],
        "credentials": [{"username": f"u{i}", "roleNameList": ["read"], "access": [{"name": f"p{i % 1000}", "type": "API_PROXY"}]} for i in range(10000)]}]}
    with own() as manager:
        manager.api("GET", "/projects/")
        seconds = []
        for _ in range(2):
            begun = time.monotonic()
            answer = manager.http("POST", "/apiops/import/", json={"document": doc})
            seconds.append(time.monotonic() - begun)
            assert answer.status_code == 200, answer.text[:500]
        assert answer.json()["result"]["changes"] == []
        with open(f"/proc/{manager.process.pid}/status") as f:
            peak = next(int(line.split()[1]) for line in f if line.startswith("VmHWM"))
        print("1,000 proxies and 10,000 credentials:", seconds, "s; peak", peak // 1024, "MiB")
        assert SLOW > 1 or peak < 256 << 10
        assert len(manager.snapshot()["proxies"]) == 1000
