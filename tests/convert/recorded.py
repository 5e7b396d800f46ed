#!/usr/bin/env python3
"""Restates recorded conversations with a policy server as corpus rows.

    python3 tests/convert/recorded.py OUTDIR FILE.json...

Set-up steps become the import document, tokens become subject facts, scripts become results given from outside. What is about HTTP alone
(versions, headers, privileges, callers, bodies that are no request) is counted and left to the HTTP suite. Needs node for scripts.
"""
import base64, copy, json, os, re, subprocess, sys, urllib.parse

NOW = 1773800000000
BASE = "dc=openam,dc=example,dc=org"
MAX = 9223372036854775807
AUTHENTICATED = NOW - 20000
INSTANT = "2026-03-18T02:13:00Z"
DEFAULT_SET = "iPlanetAMWebAgentService"
VOLATILE = {"_rev", "_id", "lastModifiedBy", "lastModifiedDate", "createdBy", "creationDate"}
# What a condition or subject of one member is about, for the path of a refusal.
MEMBER = {"AuthLevel": "authLevel", "LEAuthLevel": "authLevel", "AuthScheme": "authScheme", "AuthenticateToRealm": "authenticateToRealm",
          "AuthenticateToService": "authenticateToService", "AMIdentityMembership": "amIdentityName", "OAuth2Scope": "requiredScopes",
          "LDAPFilter": "ldapFilter", "ResourceEnvIP": "resourceEnvIPConditionValue", "Script": "scriptId"}


class Realm:
    def __init__(self, name, organization):
        self.name, self.organization = name, organization
        self.types, self.sets, self.policies, self.scripts = {}, {}, {}, {}

    def document(self):
        types, sets = list(self.types.values()), list(self.sets.values())
        return {"realm": self.name, "resourceTypes": types, "applications": sets, "policies": list(self.policies.values())}


class World:
    """One case's state while its steps are replayed."""

    def __init__(self, case):
        root = case.get("realm", "fresh") == "root"
        self.case = case
        self.name = "/" if root else "/corpus"
        self.organization = BASE if root else "o=corpus,ou=services," + BASE
        self.realms = {"": Realm(self.name, self.organization), "/realms/ev-child": Realm(self.name.rstrip("/") + "/ev-child", "o=ev-child,ou=services," + self.organization)}
        self.vars = {"realmName": self.name, "realm": "" if root else "/realms/root/realms/corpus", "realmBare": self.name.strip("/")}
        self.users = {u: profile(u, a) for u, a in case.get("users", {}).items()}
        self.groups = {g: list(m) for g, m in case.get("groups", {}).items()}
        self.tokens, self.ended, self.modules, self.chains = {}, set(), {}, {}
        if root:
            realm = self.realms[""]
            realm.sets[DEFAULT_SET] = {"name": DEFAULT_SET, "applicationType": DEFAULT_SET, "entitlementCombiner": "DenyOverride", "conditions": [], "subjects": [], "resourceTypeUuids": ["76656a38-5f8e-401b-83aa-4ccb74ce88d2"]}
            realm.types["76656a38-5f8e-401b-83aa-4ccb74ce88d2"] = {"uuid": "76656a38-5f8e-401b-83aa-4ccb74ce88d2", "name": "URL", "patterns": ["*://*:*/*", "*://*:*/*?*"], "actions": {a: True for a in ("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH")}}

    def universal(self, user):
        return f"id={user},ou=user,{BASE if user == 'amadmin' else self.organization}"

    def group_id(self, group):
        return f"id={group},ou=group,{self.organization}"

    def end(self, user):
        """The sessions of this user count as unknown from now on."""
        self.ended.add(user)
        self.ended.update(name for name, (owner, _) in self.tokens.items() if owner == user)

    def groups_of(self, user):
        return sorted(self.group_id(g) for g, members in self.groups.items() if user in members)

    def fill(self, v):
        if isinstance(v, str):
            def one(m):
                name = m.group(1)
                if name.startswith("universal:"): return self.universal(name[10:])
                if name.startswith("group:"): return self.group_id(name[6:])
                return str(self.vars[name]) if name in self.vars else m.group(0)
            return re.sub(r"\{([A-Za-z][\w:.@-]*)\}", one, v)
        if isinstance(v, list): return [self.fill(x) for x in v]
        if isinstance(v, dict): return {self.fill(k): self.fill(x) for k, x in v.items()}
        return v

    def session(self, user, level="0", module="DataStore", service="ldapService"):
        organization = BASE if user == "amadmin" else self.organization
        out = {"AuthLevel": level, "AuthType": module, "Service": service, "Organization": organization, "authInstant": INSTANT,
               "UserId": user, "UserToken": user, "sun.am.UniversalIdentifier": self.universal(user)}
        if service is None: del out["Service"]
        return out

    def subject(self, given):
        """Subject facts for a body's subject, or None when it is not one that can be stated."""
        if given is None: given = {"ssoToken": "{token:amadmin}"}
        if not isinstance(given, dict): return None
        out, claims = {}, []
        if "ssoToken" in given:
            m = re.fullmatch(r"\{(?:token:)?([\w.@-]+)\}", given["ssoToken"] if isinstance(given["ssoToken"], str) else "")
            if not m: return None
            key = m.group(1)
            if key in self.ended: return None
            if key in self.tokens: user, session = self.tokens[key]
            elif given["ssoToken"].startswith("{token:"): user, session = key, self.session(key)
            else: return None
            if user != "amadmin" and user not in self.case.get("users", {}): return None
            out = {"principals": [self.universal(user)], "groups": self.groups_of(user), "session": session, "clientIp": "127.0.0.1"}
            if user in self.users: out["profile"] = self.users[user]
            elif user == "amadmin": out["profile"] = {}
        for key in ("jwt", "claims"):
            if key not in given: continue
            c = given[key]
            if key == "jwt":
                try: c = json.loads(base64.urlsafe_b64decode(c.split(".")[1] + "==="))
                except Exception: return None
            if not isinstance(c, dict) or not isinstance(c.get("sub"), str): return None
            claims.append(self.fill(c))
        if claims:
            out["claims"] = claims[0] if len(claims) == 1 else claims
            if "session" not in out:
                out["principals"] = sorted({c["sub"] for c in claims})
                owner = next((u for u in self.users if self.universal(u) == claims[0]["sub"]), None)
                if owner: out["profile"] = self.users[owner]
        return out or None


def profile(user, attributes):
    out = {k: v if isinstance(v, list) else [v] for k, v in attributes.items() if k != "userpassword"}
    out.setdefault("cn", [user]); out.setdefault("sn", [user])
    out.update({"uid": [user], "inetUserStatus": ["Active"], "userPassword": ["{SSHA}not-to-be-shown"]})
    return out


def conditions_in(v, kind):
    """Every leaf of a kind in a policy's condition."""
    if isinstance(v, dict):
        if v.get("type") == kind: yield v
        for x in v.values(): yield from conditions_in(x, kind)
    elif isinstance(v, list):
        for x in v: yield from conditions_in(x, kind)


def rule(why):
    """The rulings that an expectation rests on, by their names."""
    codes = re.findall(r"\b[BC]\d+\b", why)
    if "ttl" in why: codes.append("ttl")
    if "several values" in why: codes.append("several values")
    if "JSON types" in why or "missing members" in why or "nonsense" in why or "refused" in why: codes.append("refused when written")
    if "script" in why: codes.append("scripts")
    if "secrets" in why: codes.append("C16")
    if "query" == why: codes.append("query")
    if "application" in why: codes.append("application")
    if "letter case" in why or "without regard to case" in why: codes.append("application")
    return ", ".join(dict.fromkeys(codes)) or "DESIGN 6"


class Scripts:
    def __init__(self):
        self.node = subprocess.Popen(["node", os.path.join(os.path.dirname(__file__), "scripts.js")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, **job):
        self.node.stdin.write(json.dumps(job) + "\n"); self.node.stdin.flush()
        return json.loads(self.node.stdout.readline())


def outside(world, realm, request, scripts):
    """The results of every script that a policy of the set may ask for, for every requested resource."""
    out = []
    subject = request.get("subject", {})
    for policy in realm.policies.values():
        if policy.get("applicationName", DEFAULT_SET).lower() != request.get("policySet", DEFAULT_SET).lower(): continue
        for leaf in conditions_in(policy.get("condition"), "Script"):
            for resource in request.get("resources", []):
                question = {"type": "Script", "scriptId": leaf["scriptId"], "resource": resource}
                script = realm.scripts.get(leaf["scriptId"])
                result = {"error": "no such script"} if script is None else scripts.run(script=script, username=(subject.get("principals") or [""])[0], resource=resource,
                    environment=request.get("environment", {}), profile=subject.get("profile") if "session" in subject else None, session=subject.get("session"))
                if {"question": question, "result": result} not in out: out.append({"question": question, "result": result})
    return out


def computed_ttl(realm, resource):
    """The ttl that a recorded "<number>" stands for, from the one timed condition on the resource."""
    for policy in realm.policies.values():
        if resource in policy["resources"]:
            for leaf in conditions_in(policy.get("condition"), "Session"): return AUTHENTICATED + int(leaf["maxSessionTime"]) * 60000
            for leaf in conditions_in(policy.get("condition"), "AuthScheme"):
                if "applicationIdleTimeout" in leaf: return NOW + leaf["applicationIdleTimeout"] * 60000
    return "<number>"


def decisions(answer, request, realm):
    """The answer in the order that the contract promises, values sorted."""
    out = []
    for d in answer:
        d = dict(d)
        for m in ("attributes", "advices"):
            if isinstance(d.get(m), dict): d[m] = {k: sorted(v) if isinstance(v, list) else v for k, v in sorted(d[m].items())}
        if isinstance(d.get("actions"), dict): d["actions"] = dict(sorted(d["actions"].items()))
        if d.get("ttl") in ("<number>", "<any>"): d["ttl"] = computed_ttl(realm, d["resource"])
        out.append(d)
    if "tree" in request:
        return out[:1] + sorted(out[1:], key=lambda d: d["resource"].encode())
    order = list(dict.fromkeys(request["resources"]))
    return sorted(out, key=lambda d: order.index(d["resource"]))


def fault_path(body, fallback):
    condition, subject = body.get("condition"), body.get("subject")
    if isinstance(condition, dict) and condition.get("type") in MEMBER and set(condition) <= {"type", MEMBER[condition["type"]]}:
        return "/condition/" + MEMBER[condition["type"]]
    if isinstance(condition, dict): return "/condition"
    if body.get("resourceAttributes"): return "/resourceAttributes"
    if fallback == "subject" or isinstance(subject, dict) and subject.get("type") not in ("AuthenticatedUsers",): return "/subject"
    return ""


def convert(path, scripts):
    data = json.load(open(path))
    cases, left = [], {}
    for case in data["cases"]:
        world = World(case)
        current = None
        counter = 0

        def leave(reason): left[reason] = left.get(reason, 0) + 1

        for step in case["steps"]:
            want = {**step, **step.get("instead", {})}
            status, ok = want.get("status", 200), 200 <= want.get("status", 200) < 300
            why = step.get("instead", {}).get("why")
            body = world.fill(step.get("body")) if "body" in step else None
            url, _, query = step["path"].partition("?")
            for name in step.get("bind", {}):
                kind = "script" if "/scripts" in url else "type" if "/resourcetypes" in url else "value"
                world.vars.setdefault(name, f"{kind}-{name}")
            m = re.fullmatch(r"/json\{realm\}(/realms/ev-child)?/(resourcetypes|applications|policies|scripts|users|groups)(?:/(.+))?", url)
            action = urllib.parse.parse_qs(query, keep_blank_values=True).get("_action", [""])[-1]
            if "authenticate" in url and step.get("bind") and step.get("as", 1) is None:
                q = urllib.parse.parse_qs(query); index = q.get("authIndexValue", [""])[0]
                user = step.get("headers", {}).get("X-OpenAM-Username", "").strip() or next(iter(case.get("users", {})), "")
                for name in step["bind"]:
                    if q.get("authIndexType") == ["service"]:
                        module = world.chains[index]
                        world.tokens[name] = (user, world.session(user, world.modules[module], module, index))
                    elif q.get("authIndexType") == ["module"]: world.tokens[name] = (user, world.session(user, world.modules[index], index, None))
                    else: world.tokens[name] = (user, world.session(user))
                continue
            if "realm-config/authentication/modules" in url: world.modules[body["_id"]] = str(body["authenticationLevel"]); continue
            if "realm-config/authentication/chains" in url: world.chains[body["_id"]] = body["authChainConfiguration"][0]["module"]; continue
            if url == "/json/sessions":
                token = re.search(r"\{(?:token:)?([\w.@-]+)\}", json.dumps([step.get("headers", {}), step.get("body", "")]))
                world.ended.add(token.group(1) if token else step.get("as", "amadmin"))
                leave("session calls"); continue
            if not m:
                leave("other endpoints and realm paths"); continue
            realm = world.realms[m.group(1) or ""]
            kind, instance = m.group(2), m.group(3) and urllib.parse.unquote(world.fill(m.group(3)))
            if kind == "resourcetypes" and action == "create" and ok:
                uuid = world.vars[next(iter(step["bind"]))] if step.get("bind") else "type-" + body["name"]
                realm.types[uuid] = {"uuid": uuid, **{k: v for k, v in body.items() if k not in VOLATILE}}; continue
            if kind == "applications":
                if action == "create" and ok: realm.sets[body["name"]] = {k: v for k, v in body.items() if k not in VOLATILE}
                elif step["method"] == "DELETE" and step.get("status", 200) == 200: realm.sets.pop(instance, None)
                continue
            if kind == "scripts" and action == "create" and ok:
                realm.scripts[world.vars[next(iter(step["bind"]))]] = base64.b64decode(body["script"]).decode(); continue
            if kind == "users":
                if step["method"] == "DELETE": world.users.pop(instance, None); world.end(instance)
                elif step["method"] == "PUT" and "nactive" in json.dumps(body): world.end(instance)
                elif action == "create" and ok and "status" in step: world.users[body["username"]] = profile(body["username"], {k: v for k, v in body.items() if k != "username"})
                continue
            if kind == "groups": continue
            if kind != "policies" or step["method"] == "GET":
                leave("reads"); continue
            if action in ("evaluate", "evaluateTree") and instance is None and step["method"] == "POST":
                row = evaluation(world, realm, step, want, action, query, scripts)
                if isinstance(row, str): leave(row); continue
                if why: row["ruling"] = rule(why)
                document = realm.document()
                if current is None or current["document"] != document:
                    counter += 1
                    current = {"id": case["id"] + ("" if counter == 1 else f"#{counter}"), "document": copy.deepcopy(document), "rows": []}
                    cases.append(current)
                current.setdefault("rows", []).append(row)
                if "terminateSession" in json.dumps(row["answer"]): world.end(re.search(r"id=([^,]+),", row["request"]["subject"]["principals"][0]).group(1))
                continue
            if action == "create" and isinstance(body, dict):
                if ok: realm.policies[body["name"]] = {k: v for k, v in body.items() if k not in VOLATILE}
                elif status == 400 and "name" in body:
                    row = {"policy": {k: v for k, v in body.items() if k not in VOLATILE}, "path": fault_path(body, case["id"].split("/")[0].lower())}
                    if "C24" in (why or ""): row["path"] = "/subject" if "subject" in why else "/condition"
                    if why: row["ruling"] = rule(why)
                    entry = next((c for c in cases if c["id"] == case["id"] + "/refused"), None)
                    if entry is None:
                        entry = {"id": case["id"] + "/refused", "document": {**copy.deepcopy(realm.document()), "policies": []}, "refused": []}
                        cases.append(entry)
                    entry["refused"].append(row)
                else: leave("refusals that hang on the store")
                continue
            if step["method"] == "PUT" and instance and ok and isinstance(body, dict):
                realm.policies.pop(instance, None); realm.policies[body.get("name", instance)] = {k: v for k, v in body.items() if k not in VOLATILE}; continue
            if step["method"] == "DELETE" and instance and ok: realm.policies.pop(instance, None); continue
            leave("other calls on policies")
        # A case whose policies are accepted but never evaluated still states that they are.
        if realm_has_unseen(world, cases, case): cases.append({"id": case["id"] + "/accepted", "document": world.realms[""].document(), "rows": []})
    return cases, left


def realm_has_unseen(world, cases, case):
    own = [c for c in cases if c["id"].split("#")[0] == case["id"] and "rows" in c]
    return bool(world.realms[""].policies) and not own


def evaluation(world, realm, step, want, action, query, scripts):
    status, body = want.get("status", 200), step.get("body")
    if step.get("as", "amadmin") != "amadmin": return "calls by others than the administrator"
    if "raw" in step or not isinstance(body, dict): return "bodies that are no JSON object"
    if set(k.lower() for k in step.get("headers", {})) - {"accept-api-version"}: return "headers"
    if world.case["id"] in ("evaluate/application-default-absent",): return "a realm without the default policy set"
    raw_subject = body.get("subject")
    subject = world.subject(raw_subject)
    if subject is None: return "unknown tokens and malformed subjects"
    body = world.fill(body)
    request = {}
    if body.get("application") is not None: request["policySet"] = body["application"]
    if action == "evaluate":
        if "resources" in body: request["resources"] = body["resources"]
    elif "resource" in body: request["tree"] = body["resource"]
    if request.get("resources", 0) is None or request.get("tree", 0) is None: return "null where a value is needed"
    request["subject"] = subject
    if body.get("environment") is not None: request["environment"] = body["environment"]
    named = environment_values(request, "invocatorPrincipalUuid")
    members = {world.universal(u): world.groups_of(u) for u in world.users if world.universal(u) in named}
    if members: request["subject"]["memberships"] = members
    request["now"] = NOW
    row = {"request": request}
    if status == 200:
        if not isinstance(want.get("answer"), list): return "answers that were not recorded"
        if "_fields" in query:
            row["part"] = True
        if any("ttl" not in d for d in want["answer"]): row["part"] = True
        row["answer"] = decisions(world.fill(want["answer"]), request, realm)
        given = outside(world, realm, request, scripts)
        if given: row["outside"] = given
        if "<any>" in json.dumps(row["answer"]): return "answers that vary from call to call"
        return row
    if query.count("_action=") > 1: return "query parameters"
    version = step.get("headers", {}).get("Accept-API-Version", "resource=2.1")
    if not re.fullmatch(r"resource=2\.[01]", version): return "versions"
    if status == 404:
        row["answer"] = {"error": {"code": "unknownPolicySet", "path": "/policySet"}}
        return row
    if status != 400: return "answers about the caller"
    row["answer"] = {"error": error(request, action)}
    return row


def environment_values(request, key):
    environment = request.get("environment")
    values = environment.get(key) if isinstance(environment, dict) else None
    return values if isinstance(values, list) else []


def error(request, action):
    """Which member a 400 is about, in the order in which a body is read."""
    if request.get("policySet", "x") == "" or not isinstance(request.get("policySet", ""), str): return {"code": "badRequest", "path": "/policySet"}
    environment = request.get("environment", {})
    if not isinstance(environment, dict): return {"code": "badRequest", "path": "/environment"}
    for k, v in environment.items():
        if not isinstance(v, list) or not all(isinstance(x, str) for x in v): return {"code": "badRequest"}
    asked = request.get("resources", request.get("tree"))
    if asked is None or asked == [] or asked == "": return {"code": "badRequest"}
    texts = asked if isinstance(asked, list) else [asked]
    if not all(isinstance(t, str) for t in texts) or (action == "evaluate") != isinstance(asked, list): return {"code": "badRequest"}
    return {"code": "badResource"}


def write(path, about, cases):
    with open(path, "w") as f:
        f.write('{"about": %s,\n "cases": [' % json.dumps(about))
        for n, case in enumerate(cases):
            f.write(",\n" if n else "\n")
            head = {k: v for k, v in case.items() if k not in ("rows", "refused", "document")}
            f.write("  {" + json.dumps(head, ensure_ascii=False)[1:-1] + ',\n   "document": ')
            document = dict(case["document"]); policies = document.pop("policies", [])
            f.write("{" + json.dumps(document, ensure_ascii=False)[1:-1] + ', "policies": [')
            f.write(",".join("\n     " + json.dumps(p, ensure_ascii=False) for p in policies) + "]}")
            for member in ("rows", "refused"):
                if member in case:
                    f.write(',\n   "%s": [' % member + ",".join("\n     " + json.dumps(r, ensure_ascii=False) for r in case[member]) + "]")
            f.write("}")
        f.write("\n]}\n")


def main():
    out, files = sys.argv[1], sys.argv[2:]
    scripts = Scripts()
    os.makedirs(out, exist_ok=True)
    for path in files:
        cases, left = convert(path, scripts)
        name = os.path.basename(path).removeprefix("openam-")
        write(os.path.join(out, name), "What OpenAM 16.0.5 answers, or what a ruling makes of it.", cases)
        rows, refused = sum(len(c.get("rows", [])) for c in cases), sum(len(c.get("refused", [])) for c in cases)
        print(f"{name}: {len(cases)} cases, {rows} rows, {refused} refusals; left to the HTTP suite: {sum(left.values())} steps {left}")


main()
