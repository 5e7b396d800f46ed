"""Authlib, an OAuth client of others, against a running server.

    python oauth.py BASE_URL ADMINISTRATOR_PASSWORD
"""

import sys

import requests
from authlib.integrations.requests_client import OAuth2Session
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc.jwk import ECKey

BASE, PASSWORD = sys.argv[1:]
TOKEN = f"{BASE}/connect/token"
SCOPE = "policyserver.management"
ROLES = f"{BASE}/am/json/global-config/roles?_queryFilter=true"
passed = 0


def check(name, work):
    global passed
    work()
    passed += 1
    print(f"ok {name}", flush=True)


def register(metadata):
    answer = requests.post(f"{BASE}/connect/register", json=metadata, auth=("amadmin", PASSWORD))
    assert answer.status_code == 201, answer.text
    return answer.json()


def works(session):
    token = session.fetch_token(TOKEN, grant_type="client_credentials", scope=SCOPE)
    assert token["token_type"] == "Bearer" and token["scope"] == SCOPE, token
    used = session.get(ROLES)
    assert used.status_code == 200, used.text
    seen = session.introspect_token(f"{BASE}/connect/introspect", token=token["access_token"])
    assert seen.json()["active"] is True, seen.text
    revoked = session.revoke_token(f"{BASE}/connect/revocation", token=token["access_token"])
    assert revoked.status_code == 200, revoked.text
    assert session.get(ROLES).status_code == 401


def refused():
    session = OAuth2Session(secret["client_id"], "wrong", token_endpoint_auth_method="client_secret_post")
    try:
        session.fetch_token(TOKEN, grant_type="client_credentials")
    except Exception as error:
        assert "invalid_client" in str(error), error
        return
    raise AssertionError("a wrong secret was taken")


# A secret that form-encoding would change: Authlib does not encode it in the header.
secret = register({"client_name": "secret", "scope": SCOPE, "client_secret": "p+q%20r=s&t/u:v~w"})
for method in ["client_secret_basic", "client_secret_post"]:
    check(
        f"Authlib {method}",
        lambda: works(
            OAuth2Session(secret["client_id"], "p+q%20r=s&t/u:v~w", token_endpoint_auth_method=method)
        ),
    )

key = ECKey.generate_key("P-256")
keys = register({"client_name": "keys", "scope": SCOPE, "jwks": {"keys": [key.as_dict(private=False)]}})


def by_assertion():
    by = "private_key_jwt"
    session = OAuth2Session(
        keys["client_id"], key, token_endpoint_auth_method=by, revocation_endpoint_auth_method=by
    )
    session.register_client_auth_method(PrivateKeyJWT(TOKEN, alg="ES256"))
    works(session)


check("Authlib private_key_jwt", by_assertion)
check("Authlib reads errors", refused)
print(f"{passed} checks of Authlib passed")
