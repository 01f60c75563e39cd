"""OAuth2 clients that know an issuer and their key: discovery, token, call, refresh, introspection, revocation."""

from urllib.parse import urlsplit

import pytest
from authlib.integrations.base_client import OAuthError
from authlib.integrations.requests_client import OAuth2Session as AuthlibSession
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata, get_well_known_url
from oauthlib.oauth2 import BackendApplicationClient, InvalidClientError, InvalidGrantError, InvalidScopeError
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session as OauthlibSession

KINDS = ["opaque", "jwt"]


def between(issuer):
    """RFC 8414 section 3.1: the well-known part stands between host and path."""
    return get_well_known_url(issuer, external=True)


def behind(issuer):
    """The way of those who append it to the issuer, as OpenID Connect does."""
    return issuer + "/.well-known/oauth-authorization-server"


@pytest.fixture(params=[between, behind])
def metadata(world, request):
    return AuthorizationServerMetadata(world.get(request.param(world.issuer)))


def test_both_locations_say_the_same_and_it_is_about_this_issuer(world):
    first, second = world.get(between(world.issuer)), world.get(behind(world.issuer))
    assert first == second
    assert first["issuer"] == world.issuer
    for name in ("token_endpoint", "jwt_endpoint", "introspection_endpoint", "revocation_endpoint", "jwks_uri"):
        assert urlsplit(first[name])[:2] == urlsplit(world.issuer)[:2]


def test_authlib_finds_the_metadata_valid(metadata):
    """Each check of the library but one: it takes the empty response_types_supported, which is right where there is no authorization
    endpoint, for a missing one."""
    for name in metadata.REGISTRY_KEYS:
        if name != "response_types_supported":
            getattr(metadata, "validate_" + name)()
    assert metadata["response_types_supported"] == []


def authlib(world, metadata, kind, method):
    assert method in metadata["token_endpoint_auth_methods_supported"]
    client_id, secret = world.keys[kind]
    session = AuthlibSession(client_id, secret, token_endpoint_auth_method=method, revocation_endpoint_auth_method=method)
    session.trust_env = False
    session.verify = world.ca
    return session


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("kind", KINDS)
def test_authlib(world, metadata, kind, method):
    with authlib(world, metadata, kind, method) as session:
        def introspected(token, **more):
            answer = session.introspect_token(metadata["introspection_endpoint"], token=token, **more)
            assert answer.status_code == 200, answer.text
            return answer.json()

        first = session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        assert first["token_type"] == "Bearer" and not first.is_expired()
        assert session.get(world.api(kind)).status_code == 200
        assert world.backend.header("Authorization") == [b"Bearer " + first["access_token"].encode()]
        known = introspected(first["access_token"])
        assert known["active"] is True and known["client_id"] == session.client_id and known["iss"] == metadata["issuer"]

        second = session.refresh_token(metadata["token_endpoint"], refresh_token=first["refresh_token"])
        assert second["access_token"] != first["access_token"] and second["refresh_token"] != first["refresh_token"]
        assert session.get(world.api(kind)).status_code == 200
        assert introspected(first["access_token"])["active"] is (kind == "jwt")

        answer = session.revoke_token(metadata["revocation_endpoint"], token=second["access_token"], token_type_hint="access_token")
        assert (answer.status_code, answer.content) == (200, b"")
        assert introspected(second["access_token"]) == {"active": False}
        assert session.get(world.api(kind)).status_code == 401
        assert session.revoke_token(metadata["revocation_endpoint"], token=second["refresh_token"], token_type_hint="refresh_token").status_code == 200
        with pytest.raises(OAuthError) as refused:
            session.refresh_token(metadata["token_endpoint"], refresh_token=second["refresh_token"])
        assert refused.value.error == "invalid_grant"


def test_authlib_at_the_jwt_endpoint(world, metadata):
    with authlib(world, metadata, "jwt", "client_secret_basic") as session:
        session.fetch_token(metadata["jwt_endpoint"], grant_type="client_credentials")
        assert session.get(world.api("jwt")).status_code == 200
    with authlib(world, metadata, "opaque", "client_secret_basic") as session:
        with pytest.raises(OAuthError) as refused:
            session.fetch_token(metadata["jwt_endpoint"], grant_type="client_credentials")
        assert refused.value.error == "unauthorized_client"


def test_authlib_understands_refusals(world, metadata):
    with authlib(world, metadata, "opaque", "client_secret_basic") as session:
        for form, error in (({"scope": "admin"}, "invalid_scope"), ({"grant_type": "authorization_code", "code": "x"}, "unsupported_grant_type")):
            with pytest.raises(OAuthError) as refused:
                session.fetch_token(metadata["token_endpoint"], **{"grant_type": "client_credentials", **form})
            assert refused.value.error == error and refused.value.description
        session.client_secret = "wrong"
        with pytest.raises(OAuthError) as refused:
            session.fetch_token(metadata["token_endpoint"], grant_type="client_credentials")
        assert refused.value.error == "invalid_client"


def oauthlib(world, kind):
    client_id, _ = world.keys[kind]
    session = OauthlibSession(client=BackendApplicationClient(client_id=client_id))
    session.trust_env = False
    session.verify = world.ca
    return session


@pytest.mark.parametrize("kind", KINDS)
def test_requests_oauthlib(world, metadata, kind):
    auth = HTTPBasicAuth(*world.keys[kind])
    tls = {"verify": world.ca, "timeout": 30}
    with oauthlib(world, kind) as session:
        def introspected(token):
            answer = session.post(metadata["introspection_endpoint"], data={"token": token}, auth=auth, withhold_token=True, **tls)
            assert answer.status_code == 200, answer.text
            return answer.json()

        def revoke(token, hint):
            url, headers, body = session._client.prepare_token_revocation_request(metadata["revocation_endpoint"], token, token_type_hint=hint)
            answer = session.post(url, data=body, headers=headers, auth=auth, withhold_token=True, **tls)
            assert (answer.status_code, answer.content) == (200, b"")

        first = dict(session.fetch_token(metadata["token_endpoint"], auth=auth, **tls))
        assert session.authorized and session.get(world.api(kind), **tls).status_code == 200
        assert introspected(first["access_token"])["sub"] == world.keys[kind][0]
        second = dict(session.refresh_token(metadata["token_endpoint"], auth=auth, **tls))
        assert second["access_token"] != first["access_token"]
        assert session.get(world.api(kind), **tls).status_code == 200
        revoke(second["refresh_token"], "refresh_token")
        assert introspected(second["access_token"]) == {"active": False}
        assert session.get(world.api(kind), **tls).status_code == 401
        with pytest.raises(InvalidGrantError):
            session.refresh_token(metadata["token_endpoint"], auth=auth, **tls)


def test_requests_oauthlib_with_the_secret_in_the_body(world, metadata):
    client_id, secret = world.keys["jwt"]
    with oauthlib(world, "jwt") as session:
        session.fetch_token(metadata["token_endpoint"], client_id=client_id, client_secret=secret, include_client_id=True, auth=False, verify=world.ca)
        assert session.get(world.api("jwt"), verify=world.ca).status_code == 200


def test_requests_oauthlib_understands_refusals(world, metadata):
    client_id, secret = world.keys["opaque"]
    with oauthlib(world, "opaque") as session:
        with pytest.raises(InvalidClientError):
            session.fetch_token(metadata["token_endpoint"], auth=HTTPBasicAuth(client_id, "wrong"), verify=world.ca)
        with pytest.raises(InvalidScopeError):
            session.fetch_token(metadata["token_endpoint"], auth=HTTPBasicAuth(client_id, secret), verify=world.ca, scope="admin")
