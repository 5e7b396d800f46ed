"""Elasticsearch's own Python client, the newest or 7.17, against a running server.

    python tokens.py BASE_URL ADMINISTRATOR_PASSWORD

It tells by the environment's package which of the two it runs.
"""

import json
import sys
import urllib.request

BASE, PASSWORD = sys.argv[1:]

try:
    import elasticsearch7 as elasticsearch
    from elasticsearch7 import AuthenticationException, AuthorizationException, NotFoundError, RequestError

    def connect(basic=None, bearer=None):
        if bearer:
            return elasticsearch.Elasticsearch(BASE, headers={"Authorization": f"Bearer {bearer}"})
        return elasticsearch.Elasticsearch(BASE, http_auth=basic)

    def get(client, **members):
        return client.security.get_token(body=members)

    def end(client, **members):
        return client.security.invalidate_token(body=members)

    def status(error):
        return error.status_code

    def body(error):
        return error.info

except ImportError:
    import elasticsearch
    from elasticsearch import AuthenticationException, AuthorizationException, BadRequestError, NotFoundError

    RequestError = BadRequestError

    def connect(basic=None, bearer=None):
        return elasticsearch.Elasticsearch(BASE, basic_auth=basic, bearer_auth=bearer)

    def get(client, **members):
        return client.security.get_token(**members)

    def end(client, **members):
        return client.security.invalidate_token(**members)

    def status(error):
        return error.meta.status

    def body(error):
        return error.body


VERSION = ".".join(str(part) for part in elasticsearch.__version__)
GUEST = ("py-guest", "Py-guest.pass1")
passed = 0


def check(name, work):
    global passed
    work()
    passed += 1
    print(f"ok elasticsearch-py {VERSION} {name}", flush=True)


def fails(work, kind, code, said):
    try:
        work()
    except kind as error:
        assert status(error) == code, error
        told = body(error)["error"]
        assert (told["type"] if isinstance(told, dict) else told) == said, told
        return
    raise AssertionError(f"{kind.__name__} was expected")


def counts(answer):
    return tuple(answer[name] for name in ["invalidated_tokens", "previously_invalidated_tokens", "error_count"])


def post(path, headers, content):
    request = urllib.request.Request(
        BASE + path, json.dumps(content).encode(), {"Content-Type": "application/json", **headers}
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


# A user who may nothing but log in: it is whom tokens of the password grant are for.
session = post("/am/json/authenticate", {"X-OpenAM-Username": "amadmin", "X-OpenAM-Password": PASSWORD}, {})
guest_name = f"{GUEST[0]}-{VERSION}"
post(
    "/am/json/users?_action=create",
    {"iPlanetDirectoryPro": session["tokenId"]},
    {"username": guest_name, "userpassword": GUEST[1]},
)
manager = connect(basic=("amadmin", PASSWORD))
by_password = {"grant_type": "password", "username": guest_name, "password": GUEST[1]}


def authenticates():
    assert manager.info()["tagline"] == "You Know, for Search"
    answer = manager.security.authenticate()
    assert answer["username"] == "amadmin" and answer["authentication_type"] == "realm", answer


def own_token():
    token = get(manager, grant_type="client_credentials")
    assert token["type"] == "Bearer" and token["expires_in"] == 1200, token
    assert "refresh_token" not in token
    bearer = connect(bearer=token["access_token"])
    answer = bearer.security.authenticate()
    assert answer["username"] == "amadmin" and answer["authentication_type"] == "token", answer
    assert counts(end(manager, token=token["access_token"])) == (1, 0, 0)
    assert counts(end(manager, token=token["access_token"])) == (0, 1, 0)
    fails(bearer.security.authenticate, AuthenticationException, 401, "security_exception")


def user_token():
    pair = get(manager, **by_password, scope="FULL")
    assert pair["scope"] == "full", pair
    refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    following = get(manager, **refresh)
    assert following["refresh_token"] != pair["refresh_token"]
    holders = [connect(bearer=each["access_token"]) for each in [pair, following]]
    for holder in holders:
        assert holder.security.authenticate()["username"] == guest_name
    # The second use of a refresh token ends everything that came of it.
    fails(lambda: get(manager, **refresh), RequestError, 400, "invalid_grant")
    for holder in holders:
        fails(holder.security.authenticate, AuthenticationException, 401, "security_exception")


def invalidation():
    pair = get(manager, **by_password)
    assert counts(end(manager, refresh_token=pair["refresh_token"])) == (1, 0, 0)
    assert counts(end(manager, refresh_token=pair["refresh_token"])) == (0, 1, 0)
    fails(
        lambda: get(manager, grant_type="refresh_token", refresh_token=pair["refresh_token"]),
        RequestError,
        400,
        "invalid_grant",
    )
    another = get(manager, **by_password)
    ended, _, faults = counts(end(manager, username=guest_name, realm_name="native"))
    assert ended >= 3 and faults == 0, ended
    holder = connect(bearer=another["access_token"])
    fails(holder.security.authenticate, AuthenticationException, 401, "security_exception")


def refusals():
    denied = "security_exception"
    mistaken = connect(basic=("amadmin", "wrong"))
    fails(mistaken.security.authenticate, AuthenticationException, 401, denied)
    fails(connect(bearer="garbage").security.authenticate, AuthenticationException, 401, denied)
    fails(lambda: get(manager, **{**by_password, "password": "wrong"}), AuthenticationException, 401, denied)
    guest = connect(basic=(guest_name, GUEST[1]))
    fails(lambda: get(guest, grant_type="client_credentials"), AuthorizationException, 403, denied)
    fails(lambda: get(manager, grant_type="password", username="x"), RequestError, 400, "invalid_request")
    fails(lambda: get(manager, grant_type="colour"), RequestError, 400, "unsupported_grant_type")
    both = lambda: end(manager, token="a", refresh_token="b")
    fails(both, RequestError, 400, "illegal_argument_exception")
    try:
        end(manager, token="garbage")
    except NotFoundError as error:
        assert counts(body(error)) == (0, 0, 0), error
        return
    raise AssertionError("a garbage token was known")


check("authenticates by password", authenticates)
check("gets, uses and invalidates a token of its own", own_token)
check("gets a token for a user by password, and refreshes it once", user_token)
check("invalidates refresh tokens and all tokens of a user", invalidation)
check("reads refusals", refusals)
print(f"{passed} checks of elasticsearch-py {VERSION} passed")
