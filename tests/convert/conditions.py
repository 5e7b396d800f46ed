"""Restates condition, subject and attribute cases: each is one policy that allows GET and denies POST, so that true, false and undetermined show."""
import json, os

NOW = 1710331200000
BASE = "dc=openam,dc=example,dc=org"
MAX = 9223372036854775807
RESOURCE = "http://co.test:80/x"
MEMBER = {"AuthLevel": "authLevel", "LEAuthLevel": "authLevel", "AuthScheme": "authScheme", "AuthenticateToRealm": "authenticateToRealm",
          "AuthenticateToService": "authenticateToService", "AMIdentityMembership": "amIdentityName", "OAuth2Scope": "requiredScopes",
          "LDAPFilter": "ldapFilter", "ResourceEnvIP": "resourceEnvIPConditionValue", "Script": "scriptId"}


def subject_facts(x):
    out = {}
    session = x.get("session", {} if x.get("kind") != "subject" else None)
    if session is not None:
        me = session.get("sun.am.UniversalIdentifier", "id=demo,ou=user," + BASE)
        groups = sorted(g for g, members in x.get("groups", {}).items() if me in members)
        out = {"principals": [me], "groups": groups, "session": session}
        if "sessionClientIp" in x: out["clientIp"] = x["sessionClientIp"]
    if "profile" in x: out["profile"] = x["profile"]
    for who in x.get("env", {}).get("invocatorPrincipalUuid", []):
        out.setdefault("memberships", {})[who] = sorted(g for g, members in x.get("groups", {}).items() if who in members)
    if x.get("jwtClaims"):
        out["claims"] = x["jwtClaims"]
        out.setdefault("principals", [x["jwtClaims"]["sub"]])
    return out


def advices_of(condition):
    """What a failing leaf reports."""
    kind = condition.get("type")
    if kind in ("AuthLevel", "LEAuthLevel"): return {"AuthLevelConditionAdvice": [str(condition["authLevel"])]}
    if kind == "AuthScheme":
        out = {"AuthSchemeConditionAdvice": sorted(condition["authScheme"])}
        if condition.get("applicationName") and "applicationIdleTimeout" in condition: out["ForceAuth"] = ["true"]
        return out
    if kind == "AuthenticateToRealm": return {"AuthenticateToRealmConditionAdvice": [condition["authenticateToRealm"]]}
    if kind == "AuthenticateToService": return {"AuthenticateToServiceConditionAdvice": [condition["authenticateToService"]]}
    if kind == "Session": return {"SessionConditionAdvice": ["deny"] + (["terminateSession"] if condition.get("terminateSession") else [])}
    return {}


def answer(truth, advices, attributes, ttl):
    actions = {"true": {"GET": True, "POST": False}, "false": {}, "undetermined": {"POST": False}}[truth]
    if truth != "true": attributes = {}
    if advices: actions = {}
    return [{"resource": RESOURCE, "actions": actions, "attributes": attributes, "advices": {k: sorted(v) for k, v in advices.items()}, "ttl": MAX if ttl == "MAX" else ttl}]


def convert(out, data, write):
    with open(os.path.join(os.path.dirname(__file__), "conditions-ruled.json")) as f: ruled = json.load(f)
    cases, used = {}, set()
    counts = {"rows": 0, "refused": 0, "accepted": 0}
    for x in data:
        kind = x.get("kind", "condition")
        policy = {"name": "p", "active": True, "resources": [RESOURCE], "actionValues": {"GET": True, "POST": False}, "subject": {"type": "NOT", "subject": {"type": "NONE"}}}
        if kind == "subject": policy["subject"] = x["subject"]
        elif kind == "resourceAttributes": policy["resourceAttributes"] = x["resourceAttributes"]
        else: policy["condition"] = x["condition"]
        want, rule = x["expected"], ruled.get(x["id"], {})
        if rule: used.add(x["id"])
        area = {"condition": "condition", "subject": "subject", "resourceAttributes": "attributes"}[kind]
        case = {"id": x["id"], "document": {"policies": [policy]}}
        if "createError" in want or "refused" in rule:
            path = "/" + ("condition" if kind == "condition" else kind)
            if kind == "condition" and set(x["condition"]) <= {"type", MEMBER.get(x["type"], "")} and x["type"] in MEMBER: path += "/" + MEMBER[x["type"]]
            row = {"policy": policy, "path": rule.get("refused", path)}
            if "ruling" in rule: row["ruling"] = rule["ruling"]
            elif "createError" in want and want["createError"].get("httpStatus") == 500: row["ruling"] = "C8"
            case["document"] = {"policies": []}; case["refused"] = [row]; counts["refused"] += 1
        elif want.get("created"):
            case["rows"] = []; counts["accepted"] += 1
        else:
            request = {"resources": [RESOURCE], "subject": subject_facts(x), "now": x.get("now", NOW)}
            if x.get("env"): request["environment"] = x["env"]
            if "serverTimeZone" in x: request["timeZone"] = x["serverTimeZone"]
            row = {"request": request}
            truth = "undetermined" if want.get("policySkipped") else "true" if want.get("satisfied", True) else "false"
            advices = advices_of(x.get("condition", {})) if truth == "undetermined" else want.get("advices", {})
            attributes = want.get("attributes", want.get("responseAttributes", {}))
            if truth == "undetermined": row["ruling"] = "B8, C17"
            row["answer"] = answer(rule.get("truth", truth), rule.get("advices", advices), rule.get("attributes", attributes), rule.get("ttl", want.get("ttl", "MAX")))
            if rule: row["ruling"] = rule["ruling"]
            if x.get("scripts"):
                given = {}
                for name, s in x["scripts"].items():
                    ok = s.get("authorized", False)
                    result = {"satisfied": ok, "advices": {} if ok else s.get("advice", {}), "attributes": s.get("responseAttributes", {})}
                    if ok and "ttl" in s: result["ttl"] = s["ttl"]
                    given[name] = result
                row["outside"] = [{"question": {"type": "Script", "scriptId": n, "resource": RESOURCE}, "result": r} for n, r in given.items()]
            if x["type"] == "Transaction":
                row["outside"] = [{"question": {"type": "Transaction", "resource": RESOURCE}, "result": {"satisfied": want["satisfied"], "advices": want["advices"]}}]
            if want.get("sessionPropertiesSet"): row["effects"] = [{"type": "setSessionProperty", "name": k, "value": str(v)} for k, v in sorted(want["sessionPropertiesSet"].items())]
            case["rows"] = [row]; counts["rows"] += 1
        cases.setdefault(area, []).append(case)
    for area, part in cases.items(): write(os.path.join(out, area, "cases.json"), "One policy at a time: what a leaf or tree comes to.", cases=part)
    unused = set(ruled) - used
    if unused: raise SystemExit(f"rulings for unknown cases: {unused}")
    print(f"conditions: {counts}")
