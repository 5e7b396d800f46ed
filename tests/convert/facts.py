#!/usr/bin/env python3
"""Restates fact files about single patterns, canonical forms, indexes, trees and conditions as corpus rows.

    python3 tests/convert/facts.py OUTDIR FILE.json...

A row that a ruling changes gets the ruled expectation and the ruling's name; which rows these are is decided here, by what the ruling says,
not by running an evaluator.
"""
import json, os, re, sys

WEB = re.compile(r"https?\**://", re.I)


def write(path, about, **lists):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write('{"about": %s' % json.dumps(about))
        for name, rows in lists.items():
            f.write(',\n "%s": [' % name + ",".join("\n  " + json.dumps(r, ensure_ascii=False) for r in rows) + "]")
        f.write("\n}\n")


def match_rows(data):
    rows, left = [], {}
    for x in data:
        c = x["comparator"]
        if c in ("RegExResourceName", "ExactMatchResourceName") or x["wildcardCompare"] is False:
            left[c] = left.get(c, 0) + 1
            continue
        pattern, name = x["pattern"], x["resource"]
        if pattern is None or name is None:
            left["null"] = left.get("null", 0) + 1
            continue
        if c == "IndexTree": pattern = pattern.replace("^", "-*-")
        row = {"pattern": pattern, "name": name, "covers": x["expected"] in ("exact", "wildcard")}
        if x.get("error"): row["covers"] = False
        rows.append((c, row))
    return rows, left


def main():
    out = sys.argv[1]
    for path in sys.argv[2:]:
        data = json.load(open(path))
        name = os.path.basename(path)
        if name == "resource-match-cases.json": matches(out, data)
        elif name == "resource-canonicalize-cases.json": canonical(out, data)
        elif name == "resource-index-cases.json": indexes(out, data)
        elif name == "evaluate-tree-cases.json": trees(out, data)
        elif name == "condition-cases.json":
            import conditions
            conditions.convert(out, data, write)


def matches(out, data):
    rows, left = match_rows(data)
    overrides = json.load(open(os.path.join(os.path.dirname(__file__), "matches-ruled.json")))
    ruled = {(o["pattern"], o["name"]): o for o in overrides}
    files, seen = {}, set()
    for c, row in rows:
        key = (row["pattern"], row["name"])
        o = ruled.get(key)
        if o:
            row["covers"] = o["covers"]; row["ruling"] = o["ruling"]
        if key in seen: continue
        seen.add(key)
        files.setdefault({"evaluate": "evaluate", "IndexTree": "index", "URLResourceName": "url", "PrefixResourceName": "prefix"}[c], []).append(row)
    for f, part in files.items():
        write(os.path.join(out, "resource", f + ".json"), "Which pattern applies to which name.", covers=part)
    print(f"matches: {sum(map(len, files.values()))} rows, left out (comparators that are not offered, comparisons without wildcards): {left}")


def canonical(out, data):
    overrides = json.load(open(os.path.join(os.path.dirname(__file__), "canonical-ruled.json")))
    ruled = {o["pattern"]: o for o in overrides}
    rows, left, seen = [], 0, set()
    for x in data:
        if x["comparator"] not in ("URLResourceName", "PrefixResourceName") or x["input"] is None:
            left += 1
            continue
        if x["comparator"] == "PrefixResourceName" and WEB.match(x["input"]):
            left += 1  # that comparator adds no port; http names always get the URL's treatment
            continue
        if x["input"] in ("../", "./"):
            left += 1  # names that reduce to nothing: what a request for one gives is in the recorded rows
            continue
        if x["input"] in seen: continue
        seen.add(x["input"])
        row = {"pattern": x["input"]}
        if x.get("output") is not None: row["text"] = x["output"]
        o = ruled.get(x["input"])
        if o:
            row.pop("text", None)
            if o.get("text") is not None: row["text"] = o["text"]
            row["ruling"] = o["ruling"]
        rows.append(row)
    write(os.path.join(out, "canonical", "stored.json"), "The stored form of patterns.", canonical=rows)
    print(f"canonical: {len(rows)} rows, left out {left}")


def indexes(out, data):
    """An index row says which patterns a search for a name may meet: the pairs whose keys meet, and those whose do not."""
    hosts = {x["input"]: x["output"] for x in data if x["kind"] == "saveHost"}
    searches = {x["input"]: x["output"] for x in data if x["kind"] == "searchHost"}
    paths = {x["input"]: x["output"] for x in data if x["kind"] == "savePath"}
    searched = {x["input"]: x["output"] for x in data if x["kind"] == "searchPath"}
    rows = []
    for pattern in hosts:
        for name in searches:
            meets = hosts[pattern] in searches[name] and paths.get(pattern, "/") in searched.get(name, ["/"])
            rows.append((pattern, name, meets))
    covers = []
    for pattern, name, meets in rows:
        # Keys that do not meet: the pattern never applies. Keys that meet say nothing more than "look closer".
        if not meets: covers.append({"pattern": pattern, "name": name, "covers": False})
    overrides = json.load(open(os.path.join(os.path.dirname(__file__), "matches-ruled.json")))
    ruled = {(o["pattern"], o["name"]): o for o in overrides}
    for row in covers:
        o = ruled.get((row["pattern"], row["name"]))
        if o: row["covers"], row["ruling"] = o["covers"], o["ruling"]
    for x in data:
        if x["kind"].startswith("search"):
            covers.append({"pattern": x["input"], "name": x["input"], "covers": True})
    write(os.path.join(out, "index", "keys.json"), "Patterns that no search for a name may meet, and names that meet themselves.", covers=covers)
    print(f"indexes: {len(covers)} rows")


def trees(out, data):
    overrides = json.load(open(os.path.join(os.path.dirname(__file__), "trees-ruled.json")))
    ruled = {(o["pattern"], o["root"]): o for o in overrides}
    rows = []
    for x in data:
        row = {"pattern": x["pattern"], "root": x["root"], "listed": x["listed"]}
        o = ruled.get((x["pattern"], x["root"]))
        if o: row["listed"], row["ruling"] = o["listed"], o["ruling"]
        rows.append(row)
    write(os.path.join(out, "tree", "listed.json"), "Which pattern has an entry under which root.", listed=rows)
    print(f"trees: {len(rows)} rows")


main()
