#!/usr/bin/env python3
"""Restates recorded conversations with a policy server as conversations of the HTTP suite (host/tests/recorded.rs).

    python3 tests/convert/conversations.py OUT.json RECORDED.json...

What a ruling answers differently takes the ruled answer; what differs in the wording of somebody else's parser is compared by its
kind. Cases that need what this suite does not set up are named on standard error.
"""
import json, sys

# What cases need that this suite does not set up.
LEFT_OUT = {"transactions", "scripts"}
KEPT = ("wait", "as", "headers", "body", "raw", "bind", "unordered")


def step(given):
    ruled = given.get("instead")
    said = {**given, **(ruled or {})}
    out = {"call": f"{given['method']} {given['path']}"}
    out.update({name: said[name] for name in KEPT if name in said})
    if "status" in said: out["status"] = said["status"]
    if "answer" in said: out["answer"] = said["answer"]
    # A ruled answer says what matters, and may leave out the rest.
    if said.get("part") or (ruled and "answer" in ruled): out["part"] = True
    if said.get("answer_headers"): out["answerHeaders"] = said["answer_headers"]
    return out


def main():
    cases = []
    for source in sys.argv[2:]:
        for case in json.load(open(source))["cases"]:
            if case.get("needs") in LEFT_OUT or any("wait" in s and s["wait"] > 1 for s in case["steps"]):
                print(f"left out: {case['id']}", file=sys.stderr)
                continue
            out = {"id": case["id"]}
            if case.get("realm") == "root": out["root"] = True
            out.update({name: case[name] for name in ("users", "groups") if case.get(name)})
            out["steps"] = [step(s) for s in case["steps"]]
            cases.append(out)
    lines = ",\n".join("  " + json.dumps(case, ensure_ascii=False) for case in cases)
    open(sys.argv[1], "w").write(f"[\n{lines}\n]\n")
    print(f"{len(cases)} cases", file=sys.stderr)


main()
