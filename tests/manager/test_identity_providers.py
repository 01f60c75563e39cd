"""Identity providers: their life, what is refused, that secrets never come back, and who names them."""

import json

import pytest

from harness_manager import policy_body

PATH = "/projects/default/identityProviders/"
SECRET = "geheim-Passwort-4711"
LDAP = {"name": "corp", "type": "LDAP", "url": "ldap://ldap.example.org:389", "startTls": True, "authenticationType": "ADVANCED",
        "bindDn": "cn=svc,dc=example,dc=org", "bindPassword": SECRET, "userBaseDnList": ["ou=people,dc=example,dc=org"]}
DATABASE = {"name": "db", "type": "DATABASE", "connectionString": "Driver=SQLite3;Database=/nowhere", "username": "u", "password": SECRET,
            "query": "SELECT pw FROM u WHERE n = :username", "passwordFormat": "BCRYPT", "passwordColumn": "pw"}
PEM = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"
API = {"name": "crm", "type": "API", "url": "https://crm.example.org/check",
       "headerList": [{"name": "X-Api-Key", "value": SECRET, "secret": True}, {"name": "X-From", "value": "{{address}}"}],
       "body": '{"u":"{{username}}","p":"{{password}}"}', "tls": {"clientCertificate": PEM, "clientKey": "-----" + SECRET}}
SIMPLE = {"name": "simple", "type": "LDAP", "url": "ldap://h", "authenticationType": "SIMPLE", "userConfigurationExpression": "uid={{username}},dc=x"}
ASKS_NOTHING = {"name": "open", "type": "API", "url": "https://crm.example.org/", "body": '{"u":"{{username}}"}'}


def make(manager, body, **more):
    name = more.get("name", body["name"])
    manager.http("DELETE", f"/apiops{PATH}{name}/")
    return manager.api("POST", PATH, dict(body, **more))


def provider_of(manager, name, environment="production"):
    rows = [p for p in manager.snapshot(environment).get("identityProviders", []) if p["provider"]["name"] == name]
    return rows[0] if rows else None


def test_life_of_a_provider(own):
    with own() as manager:
        manager.api("POST", "/environments/", {"name": "second"})
        assert "identityProviders" not in manager.snapshot()
        answer = make(manager, LDAP)
        assert answer["result"]["groupMemberAttribute"] == "uniqueMember" and answer["result"]["bindPassword"] is None
        assert {r["environmentName"] for r in answer["deploymentResult"]["deploymentResults"]} == {"production", "second"}
        for environment in ("production", "second"):
            row = provider_of(manager, "corp", environment)
            assert row["project"] == "default" and row["version"] == 1 and set(row["provider"]["bindPassword"]) == {"sealed"}
        assert manager.refused(409, "POST", PATH, LDAP) == 'identity provider "corp" exists already'
        got = manager.api("GET", PATH + "corp/")
        assert got["result"] == answer["result"] and got["metadata"]["version"] == 1

        # what GET shows may be put back: nothing is lost
        sealed = provider_of(manager, "corp")["provider"]["bindPassword"]
        assert manager.api("PUT", PATH + "corp", got["result"])["result"] == got["result"]
        row = provider_of(manager, "corp")
        assert row["provider"]["bindPassword"] == sealed and row["version"] == 2
        # PATCH changes what it names; the value that is there keeps its seal, another one gets its own
        patched = manager.api("PATCH", PATH + "corp", {"timeoutMillis": 700, "bindPassword": SECRET})["result"]
        assert patched == dict(got["result"], timeoutMillis=700) and provider_of(manager, "corp")["provider"]["bindPassword"] == sealed
        manager.api("PATCH", PATH + "corp", {"bindPassword": SECRET + "2"})
        assert provider_of(manager, "corp")["provider"]["bindPassword"] != sealed
        # PUT goes back to the defaults of what it leaves out, but for the secret
        assert manager.api("PUT", PATH + "corp", {k: v for k, v in LDAP.items() if k != "bindPassword"})["result"]["timeoutMillis"] == 5000
        assert "bindPassword: is required with bindDn" == manager.refused(400, "PATCH", PATH + "corp", {"bindPassword": ""})
        manager.api("PATCH", PATH + "corp", {"bindPassword": "", "bindDn": ""})
        assert provider_of(manager, "corp")["provider"]["bindPassword"] is None
        assert manager.refused(400, "PATCH", PATH + "corp", {"name": "other"}) == "name: cannot be changed"

        manager.stop()
        manager.start()
        assert manager.api("GET", PATH + "corp")["metadata"]["version"] == 6
        assert len(manager.api("DELETE", PATH + "corp")["deploymentResult"]["deploymentResults"]) == 2
        assert provider_of(manager, "corp") is None and "identityProviders" not in manager.snapshot()
        assert manager.refused(404, "GET", PATH + "corp") == 'there is no identity provider "corp"'


def test_a_new_environment_has_the_providers(own):
    with own() as manager:
        make(manager, SIMPLE)
        manager.api("POST", "/environments/", {"name": "later"})
        assert provider_of(manager, "simple", "later")["provider"]["url"] == "ldap://h"


def test_the_built_in_one_is_shown_and_not_to_be_written(manager):
    for name in ("zebra", "Anna"):
        make(manager, SIMPLE, name=name)
    rows = manager.api("GET", PATH)
    names = [r["name"] for r in rows["resultList"]]
    assert names == sorted(names) and "SECRET_MANAGER" in names and rows["resultCount"] == len(names)
    backwards = [r["name"] for r in manager.api("GET", PATH + "?sort=-name")["resultList"]]
    assert backwards == names[::-1]
    assert [r["name"] for r in manager.api("GET", PATH + "?q=secret_")["resultList"]] == ["SECRET_MANAGER"]
    assert [r["name"] for r in manager.api("GET", PATH + "?q=zeb")["resultList"]] == ["zebra"]
    paged = [manager.api("GET", f"{PATH}?page={i + 1}&pageSize=1")["resultList"][0]["name"] for i in range(len(names))]
    assert paged == names
    built_in = manager.api("GET", PATH + "SECRET_MANAGER")["result"]
    assert built_in["type"] == "SECRET_MANAGER" and built_in["enabled"] is True
    for method, body in (("PUT", SIMPLE), ("PATCH", {"enabled": False}), ("DELETE", None)):
        assert "built in" in manager.refused(409, method, PATH + "SECRET_MANAGER", body)
    assert "built in" in manager.refused(400, "POST", PATH, dict(SIMPLE, name="SECRET_MANAGER"))
    manager.refused(404, "GET", "/projects/none/identityProviders/SECRET_MANAGER")


@pytest.mark.parametrize("body, change, message", [
    (SIMPLE, {"url": "http://h"}, "url: must be ldap:// or ldaps://"), (SIMPLE, {"query": "SELECT"}, "query: is for providers of type DATABASE"),
    (SIMPLE, {"userConfigurationExpression": "uid=x"}, "userConfigurationExpression: must have {{username}} once"),
    (SIMPLE, {"checkAtRefresh": True}, "checkAtRefresh: needs"), (SIMPLE, {"synchronisation": {"enabled": True}}, "synchronisation.enabled: needs"),
    (SIMPLE, {"synchronisation": {"organization": "none"}}, 'synchronisation.organization: there is no organization "none"'),
    (SIMPLE, {"poolSize": 65}, "poolSize: must be a whole number from 1 to 64"), (SIMPLE, {"uri": 1}, "uri: is not a known field"),
    (LDAP, {"userFilter": "(a=b"}, "userFilter: must be a filter"), (LDAP, {"bindPassword": {"sealed": "Af9z"}}, "bindPassword: must be a string"),
    (LDAP, {"bindPassword": None}, "bindPassword: is required with bindDn"), (LDAP, {"userNameAttribute": "a b"}, "userNameAttribute: must be"),
    (DATABASE, {"query": "SELECT 1"}, "query: must have :username"), (DATABASE, {"connectionString": "PWD=x"}, "connectionString: must not have the login"),
    (DATABASE, {"roleQuery": "DROP TABLE x"}, "roleQuery: must begin with SELECT"), (DATABASE, {"saltColumn": "x"}, "saltColumn: is for"),
    (API, {"url": "https://h/?p={{password}}"}, "url: must not have {{password}}"), (API, {"body": "{{username}}"}, "body: must be JSON"),
    (API, {"headerList": [{"name": "Host", "value": "x"}]}, "headerList[0].name: must not be"), (API, {"rolesPath": "roles"}, "rolesPath: must be a path"),
    (API, {"headerList": [{"name": "X-New", "secret": True}]}, "headerList[0].value: is required"),
    (API, {"pathsToFetch": [{"source": "$.a", "claim": "sub"}]}, "pathsToFetch[0].claim: is the name of a registered claim"),
    (API, {"type": "KERBEROS"}, "type: must be one of LDAP, DATABASE, API")])
def test_what_is_wrong_is_refused_by_name_and_changes_nothing(manager, body, change, message):
    make(manager, body, name="kept")
    before, revision = manager.api("GET", PATH + "kept"), manager.snapshot()["revision"]
    answer = manager.refused(400, "POST", PATH, dict(body, name="fresh", **change))
    assert answer.startswith(message), answer
    if change.get("bindPassword", 0) is not None:
        assert manager.refused(400, "PUT", PATH + "kept", dict(body, name="kept", **change)).startswith(message)
    assert manager.api("GET", PATH + "kept") == before and manager.snapshot()["revision"] == revision
    manager.refused(404, "GET", PATH + "fresh")


def test_if_match(manager):
    make(manager, SIMPLE)
    etag = manager.http("GET", f"/apiops{PATH}simple").headers["ETag"]
    manager.api("PATCH", PATH + "simple", {"poolSize": 3}, headers={"If-Match": etag})
    for method, body in (("PATCH", {"poolSize": 5}), ("PUT", SIMPLE), ("DELETE", None)):
        assert "changed meanwhile" in manager.refused(409, method, PATH + "simple", body, headers={"If-Match": etag})
    assert manager.api("GET", PATH + "simple")["result"]["poolSize"] == 3


def test_secrets_never_come_back(own):
    with own() as manager:
        for body in (LDAP, DATABASE, API):
            answers = [make(manager, body), manager.api("PATCH", PATH + body["name"], {"poolSize": 2}), manager.api("GET", PATH + body["name"]),
                       manager.api("PUT", PATH + body["name"], body)]
            assert SECRET not in json.dumps(answers) and "sealed" not in json.dumps(answers)
        assert SECRET not in manager.refused(400, "PATCH", PATH + "corp", {"bindPassword": SECRET, "bindDn": ""})
        listed = manager.api("GET", PATH)["resultList"]
        exported = manager.api("GET", "/export/")["result"]
        events = manager.api("GET", "/auditEvents/?pageSize=1000")["resultList"]
        assert [e for e in events if "identityProviders" in e["what"] and e["after"]]
        for shown in (listed, exported, events, manager.snapshot(), manager.log()):
            assert SECRET not in json.dumps(shown)
        assert "sealed" not in json.dumps([listed, exported, events])
        assert SECRET.encode() not in manager.bytes_at_rest() and b"X-Api-Key" in manager.bytes_at_rest()


def test_secrets_of_headers_follow_their_names(manager):
    make(manager, API)
    sealed = {h["name"]: h["value"] for h in provider_of(manager, "crm")["provider"]["headerList"]}
    # another place wants another seal, of the same value
    moved = [{"name": "X-From", "value": "me"}, {"name": "x-api-key", "secret": True}]
    manager.api("PATCH", PATH + "crm", {"headerList": moved})
    headers = {h["name"]: h["value"] for h in provider_of(manager, "crm")["provider"]["headerList"]}
    assert set(headers["x-api-key"]) == {"sealed"} and headers["x-api-key"] != sealed["X-Api-Key"]
    assert "is required" in manager.refused(400, "PATCH", PATH + "crm", {"headerList": [{"name": "X-Other", "secret": True}]})
    assert "clientKey: is required" in manager.refused(400, "PATCH", PATH + "crm", {"tls": {"clientKey": ""}})


def test_roles(manager):
    make(manager, SIMPLE)
    for role in ("VIEWER", "OPERATOR"):
        manager.api("POST", "/administrators/", {"name": "p-" + role, "role": role, "password": "a long password here"})
        token = manager.login("p-" + role, "a long password here").json()["access_token"]
        may = None if role == "OPERATOR" else 403
        assert manager.api("GET", PATH + "simple", token=token)["result"]["name"] == "simple"
        manager.api("PATCH", PATH + "simple", {"poolSize": 7}, expect=may, token=token)
        manager.api("DELETE", PATH + "simple", expect=may, token=token)


# ---- who names them ----


def test_policies_name_providers_that_are_there(own):
    with own() as manager:
        manager.proxy("default", "orders")
        policies = "/projects/default/apiProxies/orders/policies/"
        password = policy_body("jwt", grantType="PASSWORD", identityProvider="corp")
        assert manager.refused(400, "POST", policies + "auth", password) == \
            'policy.identityProvider: there is no identity provider "corp" in the project'
        manager.project("other")
        manager.api("POST", "/projects/other/identityProviders/", LDAP)
        manager.refused(400, "POST", policies + "auth", password)
        make(manager, LDAP)
        manager.api("POST", policies + "auth", password)

        regenerate = {"policy": {"regenerate": {"enabled": True, "identityProvider": "corp"}}}
        assert "must be a provider of type API" in manager.refused(400, "PATCH", policies + "auth", regenerate)
        regenerate["policy"]["regenerate"]["identityProvider"] = "open"
        assert "policy.regenerate.identityProvider: there is no" in manager.refused(400, "PATCH", policies + "auth", regenerate)
        make(manager, ASKS_NOTHING)
        assert manager.api("PATCH", policies + "auth", regenerate)["result"]["policy"]["regenerate"]["identityProvider"] == "open"
        # one without {{password}} would let anybody in
        assert "would take any" in manager.refused(400, "PATCH", policies + "auth", {"policy": {"identityProvider": "open"}})

        for name in ("corp", "open"):
            text = manager.refused(409, "DELETE", PATH + name)
            assert text == 'it cannot be deleted: policy "auth" of the API proxy "orders" names it'
        other_type = dict(API, name="corp")
        assert "its type cannot change" in manager.refused(409, "PUT", PATH + "corp", other_type)

        # deployed, it stays after the policy is gone
        manager.deploy("default", "orders")
        revision = manager.api("GET", "/projects/default/apiProxies/orders/deploy-histories/")["resultList"][0]["revision"]
        manager.api("DELETE", policies + "auth")
        assert 'the API proxy "orders" is deployed in "production" with a policy that names it' in manager.refused(409, "DELETE", PATH + "corp")
        manager.undeploy("default", "orders")
        manager.api("PUT", PATH + "corp", other_type)
        manager.api("DELETE", PATH + "corp")

        # and what was deployed with it cannot come back without it
        text = manager.refused(409, "POST", f"/projects/default/apiProxies/orders/deploy-histories/{revision}/rollback/")
        assert 'there is no identity provider "corp"' in text


def test_what_a_password_grant_names_goes_on_asking_for_one(manager):
    manager.proxy("default", "asking")
    make(manager, API, name="asked")
    manager.api("POST", "/projects/default/apiProxies/asking/policies/auth", policy_body("jwt", grantType="PASSWORD", identityProvider="asked"))
    assert "must have {{password}}" in manager.refused(409, "PATCH", PATH + "asked", {"body": '{"u":"{{username}}"}'})
    manager.api("PATCH", PATH + "asked", {"body": '{"password":"{{password}}"}'})


def test_credentials_name_providers_that_are_there(manager):
    manager.api("POST", "/projects/default/credentials/", {"username": "mobile", "password": "correct-horse-battery"})
    token = "/projects/default/credentials/mobile/token/"
    settings = {"grantType": "PASSWORD", "identityProvider": "staff"}
    assert manager.refused(400, "PUT", token, settings) == 'identityProvider: there is no identity provider "staff" in the project'
    make(manager, SIMPLE, name="staff")
    assert manager.api("PUT", token, settings)["result"]["identityProvider"] == "staff"
    assert 'token settings of credential "mobile"' in manager.refused(409, "DELETE", PATH + "staff")
    manager.api("DELETE", token)
    manager.api("DELETE", PATH + "staff")
    for method in ("PUT", "PATCH"):
        text = manager.refused(400, method, "/projects/default/credentials/mobile/", {"username": "mobile", "identityProvider": "staff"})
        assert text.startswith("identityProvider: is not set here")


def test_an_organization_that_synchronisation_fills_stays(manager):
    manager.api("POST", "/projects/default/credential-organizations/", {"name": "staff"})
    make(manager, SIMPLE, name="filling", synchronisation={"organization": "staff"})
    assert '"filling"' in manager.refused(409, "DELETE", "/projects/default/credential-organizations/staff")
    manager.api("DELETE", PATH + "filling")
    manager.api("DELETE", "/projects/default/credential-organizations/staff")


def test_a_project_with_a_provider_is_not_empty(manager):
    manager.project("full")
    manager.api("POST", "/projects/full/identityProviders/", SIMPLE)
    assert "identity providers" in manager.refused(409, "DELETE", "/projects/full")
    manager.api("DELETE", "/projects/full/identityProviders/simple")
    manager.api("DELETE", "/projects/full")


# ---- documents ----


def document(providers, **more):
    return {"document": {"tollgate": 1, "projects": [dict({"name": "declared", "identityProviders": providers}, **more)]}}


def test_documents_carry_providers(own):
    with own() as manager:
        proxy = {"apiProxyName": "orders", "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": {"relativePathList": ["/orders"]},
                 "routingInfo": {"routingAddressList": [{"address": "http://127.0.0.1:9000"}]}, "environments": ["production"],
                 "policies": [dict(policy_body("jwt", grantType="PASSWORD", identityProvider="corp"), name="auth")]}
        body = document([LDAP, API], proxies=[proxy])
        text = manager.refused(400, "POST", "/import/", document([dict(LDAP, url="x")]))
        assert text.startswith("document.projects[0].identityProviders[0].url: must be") or text.startswith("projects[0].identityProviders[0].url: must be")
        assert 'there is no identity provider "corp"' in manager.refused(400, "POST", "/import/", document([API], proxies=[proxy]))
        answer = manager.api("POST", "/import/", body)
        assert SECRET not in json.dumps(answer)
        created = [(c["action"], c["path"]) for c in answer["result"]["changes"] if c["kind"] == "identityProvider"]
        assert created == [("create", f"/apiops/projects/declared/identityProviders/{n}/") for n in ("corp", "crm")]
        assert manager.api("POST", "/import/", body)["result"]["changes"] == []
        assert {p["provider"]["name"] for p in manager.snapshot()["identityProviders"]} == {"corp", "crm"}

        # an export has no secrets, and applied again it changes nothing
        exported = manager.api("GET", "/export/")["result"]
        providers = next(p for p in exported["projects"] if p["name"] == "declared")["identityProviders"]
        assert [p["name"] for p in providers] == ["corp", "crm"] and providers[0]["bindPassword"] is None
        assert manager.api("POST", "/import/", {"document": exported, "prune": True})["result"]["changes"] == []

        # what is named cannot be pruned; without who names it, it goes
        assert "cannot be deleted" in manager.refused(409, "POST", "/import/", dict(document([API]), prune=True))
        answer = manager.api("POST", "/import/", dict(document([API], proxies=[]), prune=True))
        assert ("delete", "/apiops/projects/declared/identityProviders/corp/") in [(c["action"], c["path"]) for c in answer["result"]["changes"]]
        assert manager.api("GET", "/projects/declared/identityProviders/")["resultCount"] == 2
