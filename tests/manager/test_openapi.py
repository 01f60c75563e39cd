"""The OpenAPI document against what the manager does: valid for other people's schemas; each operation called with its example by each role;
each field missing, of the wrong type and out of range; names that nobody knows."""
import copy
import glob
import json
import re

import jsonschema
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from harness_manager import Manager, Node, policy_body, proxy_body

OFFICIAL = "/usr/share/openapi-specification/schemas/v3.0/schema.json"
METHODS = ("get", "put", "post", "delete", "patch")
ROLES = ("NONE", "VIEWER", "OPERATOR", "ADMIN")
PARAMS = {"project": "shop", "environment": "staging", "apiProxy": "orders", "apiProxyGroup": "group", "policyGroup": "group", "policy": "auth",
          "username": "api-user", "organization": "acme", "administrator": "alice", "endpoint": "item", "identityProvider": "corp"}


def made():
    """Read once at import, since the cases are made of it."""
    with Manager() as m:
        return m.http("GET", "/apiops/openapi.json").json()


DOCUMENT = made()
SCHEMAS = DOCUMENT["components"]["schemas"]
OPERATIONS = {op["operationId"]: dict(op, path=path, method=method.upper())
              for path, methods in DOCUMENT["paths"].items() for method, op in methods.items()}


def resolve(schema):
    return SCHEMAS[schema["$ref"].rsplit("/", 1)[1]] if "$ref" in schema else schema


def validator(schema):
    return jsonschema.Draft202012Validator(dict(schema, components=DOCUMENT["components"]))


def media(op):
    content = op.get("requestBody", {}).get("content", {})
    return content.get("application/json")


# ---- the document itself ----


def test_the_schemas_are_json_schema_2020_12():
    for name, schema in SCHEMAS.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert schema is not None, name


def test_the_structure_is_openapi_by_the_official_schema():
    """3.1 differs from 3.0 in its schema objects, which are 2020-12 there: those were checked; the rest is as in 3.0."""
    def without_schemas(node):
        if isinstance(node, dict):
            return {k: {} if k == "schema" else without_schemas(v) for k, v in node.items()}
        return [without_schemas(v) for v in node] if isinstance(node, list) else node

    document = without_schemas(DOCUMENT)
    document["openapi"] = "3.0.3"
    document["components"]["schemas"] = {}
    with open(OFFICIAL) as f:
        official = json.load(f)
    jsonschema.Draft4Validator(official).validate(document)
    broken = copy.deepcopy(document)
    del broken["paths"]["/apiops/projects"]["get"]["responses"]
    assert not jsonschema.Draft4Validator(official).is_valid(broken)


def test_every_reference_leads_somewhere_and_every_id_is_one():
    text = json.dumps(DOCUMENT)
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names <= set(SCHEMAS) and len(names) > 40
    ids = [op["operationId"] for methods in DOCUMENT["paths"].values() for op in methods.values()]
    assert len(ids) == len(set(ids))
    for op in OPERATIONS.values():
        in_path = set(re.findall(r"\{(\w+)\}", op["path"]))
        assert in_path == {p["name"] for p in op["parameters"] if p["in"] == "path"}


def test_every_body_is_closed_and_every_member_of_it_known():
    for op in OPERATIONS.values():
        if media(op) and op["operationId"] != "proxyUpload":
            schema = resolve(media(op)["schema"])
            assert schema["additionalProperties"] is False and None not in schema["properties"].values(), op["operationId"]


@pytest.mark.parametrize("name", [n for n, op in OPERATIONS.items() if (media(op) or {}).get("example") is not None])
def test_the_example_is_what_the_schema_takes(name):
    op = OPERATIONS[name]
    validator(media(op)["schema"]).validate(media(op)["example"])


def test_every_body_has_an_example():
    without = {n for n, op in OPERATIONS.items() if media(op) and media(op).get("example") is None}
    assert without <= {"signingKeyUpload"}, without


# ---- a world in which every example works ----

PROVIDER = {"name": "corp", "type": "LDAP", "url": "ldap://127.0.0.1:9", "authenticationType": "SIMPLE", "userConfigurationExpression": "uid={{username}}"}
LISTS = {"type": "DATABASE", "connectionString": f"Driver={glob.glob('/usr/lib/*/odbc/libsqlite3odbc.so')[0]};Database=:memory:",
         "query": "SELECT 1 WHERE :username = :password", "passwordFormat": "QUERY", "listQuery": "SELECT 'anna' AS username"}
ENVIRONMENTS = [{"name": "production"}, {"name": "staging"}]


def world(deployed=True, **without):
    proxy = dict(proxy_body("orders"), endpoints=[{"name": "item", "method": "GET", "path": "/items/{id}"}],
                 policies=[dict(policy_body(), name="auth")], environments=["staging"] if deployed else [])
    group = {"name": "group", "policies": [dict(policy_body("oauth2"), name="auth")], "members": ["orders"], "environments": ["staging"] if deployed else []}
    credential = {"username": "api-user", "password": "correct-horse-battery", "access": [{"name": "orders", "type": "API_PROXY"}],
                  "environments": [{"environmentName": "staging", "password": "another-password"}]}
    project = {"name": "shop", "organizations": [{"name": "acme"}], "identityProviders": [PROVIDER], "proxies": [proxy], "proxyGroups": [group], "policyGroups": [copy.deepcopy(group)],
               "credentials": [credential]}
    project.update(without)
    return {"tollgate": 1, "environments": ENVIRONMENTS, "projects": [project]}


class World:
    def __init__(self, manager):
        self.manager = manager
        self.tokens = {"NONE": False}
        for role in ROLES[1:]:
            manager.api("POST", "/administrators/", {"name": "as-" + role.lower(), "role": role, "password": "a long password here"})
            self.tokens[role] = manager.login("as-" + role.lower(), "a long password here").json()["access_token"]
        self.build()

    def quiet(self, method, path):
        return self.manager.http(method, "/apiops" + path)

    def build(self, **how):
        self.manager.api("POST", "/import/", {"document": world(**how), "prune": True})
        if self.quiet("GET", "/administrators/alice").status_code == 404:
            self.manager.api("POST", "/administrators/", {"name": "alice", "role": "VIEWER"})

    def empty(self):
        self.build(organizations=[], identityProviders=[], proxies=[], proxyGroups=[], policyGroups=[], credentials=[])

    def params(self, op):
        """Values of what an example cannot know."""
        values = dict(PARAMS)
        if "{kid}" in op["path"]:
            self.manager.api("POST", "/environments/staging/keys/regenerate", {"algorithm": "ES256"})
            values["kid"] = self.manager.api("GET", "/environments/staging/keys")["resultList"][-1]["kid"]
        if "{revision}" in op["path"]:
            rows = self.manager.api("GET", op["path"][len("/apiops"):].split("/{revision}")[0].format(**values) + "?environmentName=staging")["resultList"]
            values["revision"] = next(r["revision"] for r in rows if r["action"] == "DEPLOY")
        if "{node}" in op["path"]:
            values["node"] = "node-of-the-examples"
            Node(self.manager, values["node"], "staging").say([10 ** 9, 10 ** 9])
        if "{token}" in op["path"]:
            self.end_tokens()
            values["token"] = self.manager.api("POST", "/administrators/alice/tokens", {"name": "mine", "role": "VIEWER"})["result"]["id"]
        return values

    def end_tokens(self):
        for row in self.manager.api("GET", "/administrators/alice/tokens")["resultList"]:
            self.quiet("DELETE", "/administrators/alice/tokens/" + row["id"])

    def ready(self, name):
        """As the operation needs it."""
        if name in ("projectCreate", "projectDelete"):
            self.build()
            self.empty()
            if name == "projectCreate":
                self.quiet("DELETE", "/projects/shop")
        elif name in ("environmentCreate", "environmentDelete"):
            self.build(deployed=False)
            if name == "environmentCreate":
                self.quiet("DELETE", "/environments/staging")
        elif name in ("proxyCreate", "proxyUpload"):
            self.build(proxies=[], proxyGroups=[], policyGroups=[], credentials=[])
        elif name == "proxyGroupCreate":
            self.build(proxyGroups=[])
        elif name == "policyGroupCreate":
            self.build(policyGroups=[])
        elif name in ("credentialCreate", "credentialImport"):
            self.build(credentials=[])
        elif name == "identityProviderCreate":
            self.build(identityProviders=[])
        elif name == "identityProviderSync":
            self.build()
            self.manager.api("PUT", "/projects/shop/identityProviders/corp", LISTS)
        elif name == "organizationCreate":
            self.build(organizations=[])
        elif name.endswith("PolicyCreate"):
            self.build()
            segment = {"proxy": "apiProxies/orders", "proxyGroup": "apiProxyGroups/group", "policyGroup": "policyGroups/group"}[name[:-len("PolicyCreate")]]
            self.quiet("DELETE", f"/projects/shop/{segment}/policies/auth")
        elif name == "proxyEndpointCreate":
            self.build()
            self.quiet("DELETE", "/projects/shop/apiProxies/orders/endpoints/item")
        elif name in ("proxyDelete", "proxyGroupDelete", "policyGroupDelete") or name.endswith(("MemberDelete",)):
            self.build(deployed=False)
        elif name == "administratorCreate":
            self.quiet("DELETE", "/administrators/alice")
        elif name == "accessTokenCreate":
            self.build()
            self.end_tokens()
        else:
            self.build()

    def body(self, name):
        """What is sent with a call: keyword arguments."""
        op = OPERATIONS[name]
        if name == "login":
            return {"data": {"grant_type": "client_credentials", "client_id": "admin", "client_secret": self.manager.password}}
        if name == "credentialImport":
            return {"data": "csv-user#correct-horse-battery\n", "headers": {"Content-Type": "text/csv"}}
        if name == "signingKeyUpload":
            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
            return {"json": {"algorithm": "RS256", "privateKey": pem}}
        example = (media(op) or {}).get("example")
        if name == "accessDelete":
            return {"json": example}
        return {"json": example} if example is not None else {}

    def query(self, name):
        return {"proxyUpload": {"apiProxyName": "uploaded", "relativePath": "/uploaded"}, "credentialPasswordDelete": {"environmentName": "staging"},
                **{kind + way: {"environmentName": "staging"} for kind in ("proxy", "proxyGroup", "policyGroup") for way in ("DeployHistoryGet", "Rollback")},
                }.get(name, {})

    def call(self, name, role="ADMIN", params=None, query=None, **body):
        op = OPERATIONS[name]
        token = self.tokens[role]
        if name == "logout" and token:
            token = self.manager.login("as-" + role.lower(), "a long password here").json()["access_token"]    # which this call ends
        path = op["path"].format(**(params or PARAMS | {"kid": "none", "revision": "1", "token": "none", "node": "none"}))
        return self.manager.http(op["method"], path, token=token, params=query if query is not None else self.query(name), **body)


@pytest.fixture(scope="module")
def there():
    with Manager() as manager:
        yield World(manager)


def shape_check(op, answer):
    if answer.headers["Content-Type"] != "application/json" or "content" not in op["responses"][str(answer.status_code)]:
        return
    schema = op["responses"][str(answer.status_code)]["content"]["application/json"]["schema"]
    validator(schema).validate(answer.json())


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_every_operation_with_its_example_as_each_role(there, name):
    op = OPERATIONS[name]
    wanted = int(next(s for s in op["responses"] if s != "default"))
    for role in ROLES:
        if ROLES.index(role) < ROLES.index(op["x-role"]):
            answer = there.call(name, role, **there.body(name))
            assert answer.status_code == (401 if role == "NONE" else 403), (role, answer.text)
            assert answer.json()["status"] == "FAILURE"
            continue
        there.ready(name)
        answer = there.call(name, role, there.params(op), **there.body(name))
        assert answer.status_code == wanted, (role, answer.text)
        shape_check(op, answer)


# ---- bodies that are wrong ----

BODIES = [n for n, op in OPERATIONS.items() if media(op) and n not in ("proxyUpload",)]


def with_value(body, path, value):
    """A copy of the body with one value put in; what leads there is made."""
    out = copy.deepcopy(body)
    at = out
    for here, after in zip(path, path[1:]):
        blank = [] if isinstance(after, int) else {}
        if isinstance(here, int):
            if not at:
                at.append(blank)
            at = at[0]
        else:
            if not isinstance(at.get(here), type(blank)):
                at[here] = blank
            at = at[here]
    if isinstance(path[-1], int):
        at[:] = [value]
    else:
        at[path[-1]] = value
    return out


def members(schema, path=()):
    """Every member of a body: its path, its schema, whether it is required."""
    schema = resolve(schema)
    for name, member in schema.get("properties", {}).items():
        here = path + (name,)
        yield here, resolve(member), name in schema.get("required", [])
        yield from members(member, here)
        items = resolve(resolve(member).get("items", {}))
        if items:
            yield here + (0,), items, True
            yield from members(items, here + (0,))


def types(schema):
    kinds = schema.get("type", [])
    return {kinds} if isinstance(kinds, str) else set(kinds)


def wrong_values(schema):
    """(what is wrong, a value) for one member."""
    kinds = types(schema)
    samples = {"string": "x", "integer": 7, "boolean": True, "array": [], "object": {}}
    for kind, sample in samples.items():
        if kinds and kind not in kinds and not (kind == "integer" and "number" in kinds) and "anyOf" not in schema:
            yield "a " + kind, sample
    if "integer" in kinds:
        yield "a fraction", 1.5
        low, high = (schema["minimum"], schema["maximum"]) if "enum" not in schema else (schema["enum"][0], schema["enum"][0])
        yield "too small", low - 1
        if high < 2 ** 63 - 1:
            yield "too large", high + 1
    if "enum" in schema and "string" in kinds:
        yield "no choice", "NO_SUCH_CHOICE"
    elif "string" in kinds and "object" not in kinds:
        if schema.get("minLength", 0) > 0:
            yield "empty", ""
        if schema.get("maxLength", 1 << 20) < 1 << 20:
            yield "too long", "a" * (schema["maxLength"] + 1)
        if "pattern" in schema:
            yield "against the pattern", next(v for v in (" ", "\u00e4 b", "no slash") if not re.search(schema["pattern"], v))
        if schema.get("format") in ("uri", "date-time"):
            yield "no " + schema["format"], "not that"
    if "array" in kinds and schema.get("minItems", 0) > 0:
        yield "an empty list", []
    if "array" in kinds and schema.get("maxItems", 1 << 20) <= 1000:
        yield "too many", [f"x{i}" for i in range(schema["maxItems"] + 1)]


# Which members a provider has is its type's: those of others are tried in a body that can have them.
OF_DATABASE = {"connectionString", "username", "password", "query", "passwordFormat", "passwordColumn", "passwordDigest", "passwordEncoding",
               "saltColumn", "saltPosition", "passwordIterations", "enabledColumn", "roleQuery", "listQuery", "userNameColumn", "fullNameColumn",
               "emailColumn", "columnsToFetch"}
OF_API = {"method", "headerList", "bodyType", "body", "formList", "statusFrom", "statusTo", "bodyContains", "jsonPath", "jsonValue", "rolesPath",
          "subjectPath", "pathsToFetch", "includeInTokenResponse"}
DATABASE = {"name": "corp", "type": "DATABASE", "connectionString": "Driver=SQLite3", "query": "SELECT 1 FROM u WHERE n = :username AND p = :password",
            "passwordFormat": "QUERY"}
API = {"name": "corp", "type": "API", "url": "https://crm.example.org/", "bodyType": "FORM", "formList": [{"name": "p", "value": "{{password}}"}],
       "headerList": [{"name": "X-From", "value": "x"}]}
IN_DOCUMENT = ("document", "projects", 0, "identityProviders", 0)


def of_type(example, member):
    return DATABASE if member in OF_DATABASE else API if member in OF_API else example


def example_for(name, example, path):
    if name in ("identityProviderCreate", "identityProviderPut", "identityProviderPatch"):
        return of_type(example, path[0])
    if path[:5] == IN_DOCUMENT and len(path) > 5:
        return with_value(example, IN_DOCUMENT, of_type(PROVIDER, path[5]))
    return example


def bad_bodies(name):
    """(what, body, name that the answer must have)"""
    op = OPERATIONS[name]
    schema, example = media(op)["schema"], media(op).get("example", {"algorithm": "RS256", "privateKey": "x"})
    if name == "import":
        example = {"document": world(), "dryRun": True}  # something of everything
    yield "unknown", dict(example, noSuchField=1), "noSuchField"
    for path, member, required in members(schema):
        field = next(p for p in reversed(path) if isinstance(p, str))
        base = example_for(name, example, path)
        if name == "identityProviderPatch" and base is not example:
            continue  # merged with what an LDAP provider has
        for what, value in wrong_values(member):
            yield f"{'.'.join(map(str, path))}: {what}", with_value(base, path, value), field
        if "properties" in member:
            yield f"{'.'.join(map(str, path))}: unknown member", with_value(base, path + ("noSuchField",), 1), "noSuchField"
        if required and len(path) == 1 and isinstance(path[0], str):
            yield f"{path[0]}: missing", {k: v for k, v in example.items() if k != path[0]}, field





def excused(name, what):
    path = OPERATIONS[name]["path"].rsplit("/", 1)[1]
    if what.endswith(": missing") and path.startswith("{"):
        return True  # the name is in the path
    if name in ("proxyCreate", "proxyDefinitionPut") and what.startswith(("definition", "routingInfo: missing")):
        return True  # tests of definitions
    return False


@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_wrong_is_refused_by_the_name_of_the_field(there, name):
    there.ready(name)
    params = there.params(OPERATIONS[name])
    wrong, seen = [], 0
    for what, body, field in bad_bodies(name):
        if excused(name, what):
            continue
        answer = there.call(name, "ADMIN", params, json=body)
        seen += 1
        if not 400 <= answer.status_code < 500 or field not in answer.json()["resultMessage"]:
            wrong.append((what, json.dumps(body)[:300], answer.status_code, answer.text[:200]))
    assert not wrong, "\n".join(map(str, wrong))
    assert seen > 0


# ---- queries ----


@pytest.mark.parametrize("name", [n for n, op in OPERATIONS.items() if op["x-role"] != "NONE"])
def test_a_query_parameter_that_nobody_knows_is_refused_by_name(there, name):
    answer = there.call(name, "ADMIN", query=dict(there.query(name), noSuchParameter="1"), **there.body(name))
    assert answer.status_code == 400 and "noSuchParameter" in answer.json()["resultMessage"], answer.text


@pytest.mark.parametrize("name", [n for n, op in OPERATIONS.items() if any(p["in"] == "query" for p in op["parameters"])])
def test_query_parameters_are_checked_as_documented(there, name):
    there.build()
    for parameter in OPERATIONS[name]["parameters"]:
        if parameter["in"] != "query":
            continue
        values = [str(value) for _, value in wrong_values(parameter["schema"]) if isinstance(value, (int, float)) and not isinstance(value, bool)]
        values += [value for what, value in wrong_values(parameter["schema"]) if isinstance(value, str) and what not in ("a string", "no uri")]
        values += ["x"] if "integer" in types(parameter["schema"]) else []
        for value in values:
            if value == "" and not parameter["required"] and "pattern" not in parameter["schema"]:
                continue
            if "string" in types(parameter["schema"]) and value == "7" and "enum" not in parameter["schema"]:
                continue  # a text like any other
            answer = there.call(name, "ADMIN", query=dict(there.query(name), **{parameter["name"]: value}), **there.body(name))
            assert answer.status_code == 400 and parameter["name"] in answer.json()["resultMessage"], (parameter["name"], value, answer.text)
        if parameter["required"]:
            query = {k: v for k, v in there.query(name).items() if k != parameter["name"]}
            answer = there.call(name, "ADMIN", query=query, **there.body(name))
            assert answer.status_code == 400 and parameter["name"] in answer.json()["resultMessage"]
        twice = [(parameter["name"], "1"), (parameter["name"], "1")]
        assert "twice" in there.call(name, "ADMIN", query=twice, **there.body(name)).json()["resultMessage"]
