"""The first calls of management-api.md, in their exact shapes."""


def test_the_first_calls(manager):
    answer = manager.login()
    assert answer.status_code == 200
    assert set(answer.json()) == {"access_token", "token_type", "expires_in"}
    assert answer.json()["token_type"] == "Bearer"
    assert isinstance(answer.json()["expires_in"], int)
    assert answer.headers["Cache-Control"] == "no-store"

    answer = manager.login(password="wrong password here")
    assert answer.status_code == 401
    assert answer.json()["error"] == "unauthorized_client"
    assert set(answer.json()) == {"error", "error_description"}

    answer = manager.http("POST", "/apiops/projects/", json={"name": "shop"})
    assert answer.status_code == 201
    assert answer.json() == {"status": "SUCCESS", "result": {"name": "shop", "description": ""}}
    answer = manager.http("POST", "/apiops/projects/", json={"name": "shop"})
    assert answer.status_code == 409
    assert answer.json()["status"] == "FAILURE" and "shop" in answer.json()["resultMessage"]

    answer = manager.http("POST", "/apiops/environments/", json={"name": "test", "accessUrl": None})
    assert answer.status_code == 201
    keys = manager.api("GET", "/environments/test/keys/")["resultList"]
    assert [(k["algorithm"], k["state"]) for k in keys] == [("RS256", "active")]

    answer = manager.http("POST", "/apiops/projects/shop/apiProxies/url/", json={
        "apiProxyName": "orders", "apiProxyCreationType": "REVERSE_PROXY", "clientRoute": {"relativePathList": ["/orders"]},
        "routingInfo": {"routingAddressList": [{"address": "http://127.0.0.1:9000"}]}})
    assert answer.status_code == 201
    assert set(answer.json()["applicationKey"]) == {"clientId", "clientSecret"}

    answer = manager.http("POST", "/apiops/projects/shop/apiProxies/orders/policies/auth/", json={
        "operationMetadata": {"targetScope": "ALL", "targetPipeline": "REQUEST", "order": 1},
        "policy": {"type": "policy-auth-jwt", "tokenNeverExpires": False, "tokenExpiresInAmount": 1, "tokenExpiresInUnit": "HOURS",
                   "grantType": "CLIENT_CREDENTIALS", "jwtSignatureAlgorithm": "RS256", "addUserToHeader": True}})
    assert answer.status_code == 201

    answer = manager.http("POST", "/apiops/projects/shop/apiProxies/orders/environments/production/")
    assert answer.status_code == 200
    result = answer.json()["deploymentResult"]
    assert result["success"] is False  # no gateway runs here
    assert [(r["environmentName"], r["success"]) for r in result["deploymentResults"]] == [("production", False)]
    assert "no live gateway node" in result["deploymentResults"][0]["message"]

    answer = manager.http("PATCH", "/apiops/projects/shop/apiProxies/orders/settings/keys/", json={"publicKey": "orders-app", "secretKey": "chosen secret".replace(" ", "-")})
    assert answer.status_code == 200
    assert answer.json() == {"status": "SUCCESS", "applicationKey": {"clientId": "orders-app"}}
    answer = manager.http("PATCH", "/apiops/projects/shop/apiProxies/orders/settings/keys/", json={"regenerate": True})
    assert answer.json()["applicationKey"]["clientId"] == "orders-app"
    assert len(answer.json()["applicationKey"]["clientSecret"]) >= 43

    answer = manager.http("POST", "/apiops/projects/shop/credentials/", json={
        "username": "api-user", "password": "chosen-password", "email": "a@b.c", "fullName": "A B", "roleNameList": ["read"], "enabled": True, "ipList": [],
        "expireDate": None})
    assert answer.status_code == 201
    assert answer.json()["clientId"] == "api-user" and "clientSecret" not in answer.json()
    answer = manager.http("PUT", "/apiops/projects/shop/credentials/api-user/access/", json={"credentialAccessList": [{"name": "orders", "type": "API_PROXY"}]})
    assert answer.status_code == 200
    assert [(r["name"], r["type"]) for r in answer.json()["result"]["credentialAccessList"]] == [("orders", "API_PROXY")]
    answer = manager.http("PUT", "/apiops/projects/shop/credentials/api-user/token/", json={
        "grantType": "CLIENT_CREDENTIALS", "tokenNeverExpires": False, "tokenExpiresInAmount": 1, "tokenExpiresInUnit": "HOURS", "refreshTokenAllowed": True,
        "refreshTokenCount": 3, "refreshTokenExpiresInAmount": 1, "refreshTokenExpiresInUnit": "DAYS", "jwtSignatureAlgorithm": "RS256"})
    assert answer.status_code == 200
    assert answer.json()["result"]["refreshTokenCount"] == 3


def test_the_default_project_and_the_environment_are_there(manager):
    assert manager.api("GET", "/projects/default/")["result"]["name"] == "default"
    assert manager.api("GET", "/environments/production/")["result"]["name"] == "production"
