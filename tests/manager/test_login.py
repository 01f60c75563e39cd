import base64
import time

import pytest

FORM = {"grant_type": "client_credentials", "client_id": "admin", "client_secret": "correct horse battery staple"}


def login(manager, **changes):
    form = {k: v for k, v in dict(FORM, **changes).items() if v is not None}
    return manager.http("POST", "/apiops/auth/token", token=False, data=form)


@pytest.mark.parametrize("changes, status, error", [
    ({"client_secret": "wrong"}, 401, "unauthorized_client"),
    ({"client_id": "nobody"}, 401, "unauthorized_client"),
    ({"client_id": ""}, 401, "unauthorized_client"),
    ({"client_secret": None}, 400, "invalid_request"),
    ({"client_id": None}, 400, "invalid_request"),
    ({"grant_type": None}, 400, "invalid_request"),
    ({"grant_type": "password"}, 400, "unsupported_grant_type"),
])
def test_refused_logins(manager, changes, status, error):
    answer = login(manager, **changes)
    assert answer.status_code == status
    assert answer.json()["error"] == error
    assert "access_token" not in answer.text


def test_a_parameter_that_stands_twice(manager):
    answer = manager.http("POST", "/apiops/auth/token", token=False, headers={"Content-Type": "application/x-www-form-urlencoded"},
                          data="grant_type=client_credentials&client_id=admin&client_id=admin&client_secret=x")
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request"


def test_unknown_name_and_wrong_password_look_alike(manager):
    a, b = login(manager, client_id="nobody2"), login(manager, client_secret="wrong")
    assert (a.status_code, a.json(), sorted(a.headers)) == (b.status_code, b.json(), sorted(b.headers))


def test_login_with_json_is_415(manager):
    answer = manager.http("POST", "/apiops/auth/token", token=False, json=FORM)
    assert answer.status_code == 415


def test_basic_at_the_login_endpoint(manager):
    answer = manager.http("POST", "/apiops/auth/token", token=False, auth=("admin", FORM["client_secret"].replace(" ", "+")),
                          data={"grant_type": "client_credentials"})
    assert answer.status_code == 200 and answer.json()["access_token"]


def test_basic_for_any_call(manager):
    raw = base64.b64encode(f"admin:{FORM['client_secret'].replace(' ', '%20')}".encode()).decode()
    for _ in range(2):  # the second is remembered
        answer = manager.http("GET", "/apiops/projects/", token=False, headers={"Authorization": "Basic " + raw})
        assert answer.status_code == 200
    wrong = base64.b64encode(b"admin:wrong").decode()
    assert manager.http("GET", "/apiops/projects/", token=False, headers={"Authorization": "Basic " + wrong}).status_code == 401


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer ", "Bearer x", "Bearer tgm_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "Basic", "Basic !!!",
                                    "Digest x", "bearer"])
def test_calls_without_a_good_login_are_401(manager, header):
    answer = manager.http("GET", "/apiops/projects/", token=False, headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.json()["status"] == "FAILURE"
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_everything_but_login_and_health_needs_a_login(manager):
    paths = manager.http("GET", "/apiops/openapi.json").json()["paths"]
    checked = 0
    for path, methods in paths.items():
        for method, operation in methods.items():
            if operation.get("security") == []:
                continue
            answer = manager.http(method.upper(), path.replace("{", "").replace("}", ""), token=False)
            assert answer.status_code == 401, f"{method} {path}: {answer.status_code}"
            checked += 1
    assert checked > 40


def test_guessing_is_slowed_down(own):
    with own() as manager:
        seen = [manager.login(name="admin", password=f"guess {i}").status_code for i in range(12)]
        assert seen[:10] == [401] * 10 and seen[-1] == 429
        answer = manager.login()  # the right one waits as well
        assert answer.status_code == 429
        assert answer.json()["error"] == "slow_down" and 1 <= int(answer.headers["Retry-After"]) <= 60
        time.sleep(int(answer.headers["Retry-After"]) + 0.1)
        assert manager.login().status_code == 200


def test_tokens_are_kept_only_as_hashes(manager):
    token = manager.login().json()["access_token"]
    manager.http("GET", "/apiops/projects/", token=token)
    assert token.encode() not in manager.bytes_at_rest()
