// frodo, the command line with which administrators of AM move policies, against a running server: the whole life of
// resource types, policy sets, policies and scripts, in the root realm and in one beneath it, and files exchanged with
// the command line of the server itself.
//
//   node frodo.mjs BASE_URL ADMINISTRATOR_PASSWORD
//
// ASSIZE names the server's program, ASSIZE_DATA the folder of its store.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { administrator } from "./administrator.mjs";

const [base, password] = process.argv.slice(2);
const am = `${base}/am`;
const scratch = mkdtempSync(join(tmpdir(), "assize-frodo-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));
const app = createRequire(import.meta.url).resolve("@rockcarver/frodo-cli/dist/app.cjs");
let passed = 0;

function execute(program, words, options) {
  return new Promise((resolve) => {
    execFile(program, words, { ...options, timeout: 120_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      // Colours are for people.
      const plain = (text) => text.replace(/\u001b\[[0-9;?]*[A-Za-z]/g, "");
      resolve({ code: error ? (error.code ?? error.signal) : 0, out: plain(stdout), err: plain(stderr) });
    });
  });
}

// Frodo's own launcher starts Node a second time; its program does the same alone.
async function frodo(realm, command, folder = scratch) {
  const environment = {
    PATH: process.env.PATH,
    HOME: scratch,
    NO_PROXY: "127.0.0.1",
    FRODO_HOST: am,
    FRODO_REALM: realm,
    FRODO_USERNAME: "amadmin",
    FRODO_PASSWORD: password,
    FRODO_NO_CACHE: "1",
  };
  const words = ["--no-warnings", app, ...command, "-m", "classic"];
  return execute(process.execPath, words, { env: environment, cwd: folder });
}

async function assize(...words) {
  const done = await execute(process.env.ASSIZE, words, { env: process.env });
  assert.equal(done.code, 0, `assize ${words.join(" ")}\n${done.err}`);
  return done.out;
}

const { rest } = await administrator(am, password);

const typeId = "4f0c6a7e-3f0e-4a57-9f0b-1c6f2f6e7a10";
const scriptId = "9b1de7d0-5a5c-4a6e-8f34-2f1de0a8c921";

// What frodo would have exported from another server, members that a server makes included.
function objects(realm) {
  const made = {
    createdBy: "id=other,ou=user,ou=am-config",
    creationDate: 1700000000000,
    lastModifiedBy: "id=other,ou=user,ou=am-config",
    lastModifiedDate: 1700000000000,
  };
  const dated = { ...made, creationDate: "2023-09-30T20:12:40.19Z", lastModifiedDate: "2023-09-30T20:12:40.19Z" };
  const policy = (name, more) => ({
    _id: name,
    name,
    active: true,
    description: `the policy ${name}`,
    applicationName: "frodo-shop",
    resourceTypeUuid: typeId,
    resources: [`https://shop.example.com:443/${name.replace(/ /g, "-")}/*`],
    actionValues: { GET: true, POST: false },
    subject: { type: "AuthenticatedUsers" },
    ...dated,
    ...more,
  });
  const policies = [
    policy("frodo plain policy", {}),
    policy("frodo-conditions", {
      resources: ["https://shop.example.com:443/a/*", "https://shop.example.com:443/b/*?*"],
      subject: {
        type: "OR",
        subjects: [
          { type: "Identity", subjectValues: ["id=demo,ou=user,dc=openam,dc=openidentityplatform,dc=org"] },
          { type: "NOT", subject: { type: "JwtClaim", claimName: "iss", claimValue: "https://issuer.example.com" } },
        ],
      },
      condition: {
        type: "AND",
        conditions: [
          { type: "IPv4", startIp: "10.0.0.0", endIp: "10.0.0.255", ipRange: [], dnsName: [] },
          { type: "NOT", condition: { type: "AuthLevel", authLevel: 2 } },
          { type: "SimpleTime", startTime: "08:00", endTime: "18:00", enforcementTimeZone: "Europe/Berlin" },
        ],
      },
      resourceAttributes: [
        { type: "Static", propertyName: "department", propertyValues: ["sales", "support"] },
        { type: "User", propertyName: "mail", propertyValues: [] },
      ],
    }),
    // It comes before its script, which frodo puts after the policy.
    policy("frodo-scripted", { condition: { type: "Script", scriptId } }),
    policy("frodo-inactive", { active: false, actionValues: {}, subject: { type: "NONE" } }),
  ];
  return {
    meta: { origin: "https://other.example.com/am", exportTool: "frodo", exportToolVersion: "v3.3.0" },
    resourcetype: {
      [typeId]: {
        uuid: typeId,
        name: `Frodo shop`,
        description: `pages of the shop in ${realm}`,
        patterns: ["*://*:*/*", "*://*:*/*?*"],
        actions: { GET: true, POST: true, REFUND: false },
        ...made,
      },
    },
    policyset: {
      "frodo-shop": {
        name: "frodo-shop",
        displayName: "The shop",
        description: "what the shop serves",
        applicationType: "iPlanetAMWebAgentService",
        conditions: ["AND", "AuthLevel", "IPv4", "NOT", "Script", "SimpleTime"],
        subjects: ["AND", "AuthenticatedUsers", "Identity", "JwtClaim", "NONE", "NOT", "OR"],
        entitlementCombiner: "DenyOverride",
        resourceTypeUuids: [typeId],
        attributeNames: [],
        editable: true,
        resourceComparator: null,
        saveIndex: null,
        searchIndex: null,
        ...made,
      },
    },
    policy: Object.fromEntries(policies.map((each) => [each._id, each])),
    script: {
      [scriptId]: {
        _id: scriptId,
        name: "Frodo condition",
        description: "a condition",
        script: ["var hour = 10;", "authorized = true;"],
        language: "JAVASCRIPT",
        context: "POLICY_CONDITION",
        default: false,
        ...made,
      },
    },
  };
}

// Nothing of an object is lost: each member is there again but for what every server makes anew. AM keeps resources,
// patterns, names and attributes as sets.
const anew = new Set(["_rev", "createdBy", "creationDate", "lastModifiedBy", "lastModifiedDate"]);
function canonical(value) {
  if (Array.isArray(value)) {
    return value.map(canonical).sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  }
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).filter(([name]) => !anew.has(name));
  return Object.fromEntries(members.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, each]) => [name, canonical(each)]));
}
function same(seen, wanted, what) {
  for (const [id, object] of Object.entries(wanted)) {
    assert.ok(seen[id], `${what} ${id} is missing`);
    for (const [name, value] of Object.entries(canonical(object))) {
      // Sources are lines in files; a script's order counts.
      if (name === "script") assert.deepEqual(seen[id][name], object[name], `${what} ${id}: ${name}`);
      else assert.deepEqual(canonical(seen[id])[name], value, `${what} ${id}: ${name}`);
    }
  }
}

async function life(realm) {
  const folder = mkdtempSync(join(scratch, "realm-"));
  const label = realm === "/" ? "root" : realm;
  const file = (name) => join(folder, name);
  const json = (name) => JSON.parse(readFileSync(file(name), "utf8"));
  const check = async (name, work) => {
    await work();
    passed += 1;
    console.log(`ok frodo in ${label} ${name}`);
  };
  const run = (...command) => frodo(realm, command, folder);
  const works = async (...command) => {
    const done = await run(...command);
    assert.equal(done.code, 0, `frodo ${command.join(" ")}\n${done.out}\n${done.err}`);
    return done.out;
  };
  // Frodo prints the answer's status with most refusals, and its message with every one.
  const fails = async (said, ...command) => {
    const done = await run(...command);
    assert.equal(done.code, 1, `frodo ${command.join(" ")} ended with ${done.code}\n${done.out}\n${done.err}`);
    assert.match(done.out + done.err, said, `frodo ${command.join(" ")}`);
  };
  const lists = async (names, ...command) => {
    const out = await works(...command);
    for (const name of names) assert.ok(out.includes(name), `frodo ${command.join(" ")} lacks ${name}\n${out}`);
    return out;
  };
  const wanted = objects(realm);
  writeFileSync(file("all.json"), JSON.stringify(wanted));
  const names = Object.keys(wanted.policy);

  // The second time finds everything there and replaces it.
  for (const time of ["first", "second"]) {
    await check(`imports resource types, the ${time} time`, () => works("authz", "type", "import", "-a", "-f", "all.json"));
    await check(`imports policy sets, the ${time} time`, () =>
      works("authz", "set", "import", "-a", "-f", "all.json", "--no-deps"));
    await check(`imports policies and their scripts, the ${time} time`, () =>
      works("authz", "policy", "import", "-a", "-f", "all.json"));
    await check(`imports scripts, the ${time} time`, () => works("script", "import", "-f", "all.json"));
  }

  await check("lists everything", async () => {
    await lists(["Frodo shop", typeId], "authz", "type", "list", "-l");
    await lists(["frodo-shop"], "authz", "set", "list");
    await lists(names, "authz", "policy", "list", "-l");
    await lists(names, "authz", "policy", "list", "--set-id", "frodo-shop");
    await lists(["Frodo condition"], "script", "list");
  });
  await check("describes everything", async () => {
    await lists([typeId], "authz", "type", "describe", "-i", typeId);
    await lists([typeId], "authz", "type", "describe", "-n", "Frodo shop");
    await lists(["frodo-shop"], "authz", "set", "describe", "-i", "frodo-shop");
    await lists(["frodo plain policy"], "authz", "policy", "describe", "-i", "frodo plain policy", "--json");
    await lists(["Frodo condition"], "script", "describe", "-n", "Frodo condition");
  });

  await check("exports resource types as they were imported", async () => {
    await works("authz", "type", "export", "-a", "-f", "types.json");
    same(json("types.json").resourcetype, wanted.resourcetype, "resource type");
    await works("authz", "type", "export", "-n", "Frodo shop", "-f", "type.json");
    assert.deepEqual(Object.keys(json("type.json").resourcetype), [typeId]);
  });
  await check("exports policy sets with all that belongs to them", async () => {
    await works("authz", "set", "export", "-i", "frodo-shop", "--prereqs", "-f", "set.json");
    const seen = json("set.json");
    same(seen.policyset, wanted.policyset, "policy set");
    same(seen.resourcetype, wanted.resourcetype, "resource type");
    same(seen.policy, wanted.policy, "policy");
    same(seen.script, wanted.script, "script");
    assert.deepEqual(Object.keys(seen.policy).sort(), [...names].sort());
  });
  await check("exports policies as they were imported, together and apart", async () => {
    await works("authz", "policy", "export", "-a", "-f", "policies.json");
    const together = json("policies.json");
    same(together.policy, wanted.policy, "policy");
    same(together.script, wanted.script, "script");
    const apart = mkdtempSync(join(folder, "apart-"));
    const done = await frodo(realm, ["authz", "policy", "export", "-A", "--set-id", "frodo-shop"], apart);
    assert.equal(done.code, 0, done.err);
    assert.equal(readdirSync(apart).filter((each) => each.endsWith(".policy.authz.json")).length, names.length);
    const again = await frodo(realm, ["authz", "policy", "import", "-A"], apart);
    assert.equal(again.code, 0, again.err);
  });
  await check("exports scripts", async () => {
    await works("script", "export", "-i", scriptId, "-f", "script.json");
    same(json("script.json").script, wanted.script, "script");
  });

  await check("is told 404 of what is not there", async () => {
    const unknown = "00000000-0000-4000-8000-000000000000";
    await fails(/Resource Type .* does not exist in realm/, "authz", "type", "describe", "-i", unknown);
    await fails(/Status: 404/, "authz", "set", "describe", "-i", "nothing");
    await fails(/Status: 404/, "authz", "policy", "describe", "-i", "nothing");
    await fails(/Status: 404/, "authz", "type", "delete", "-i", unknown);
    await fails(/Status: 404/, "authz", "policy", "delete", "-i", "nothing");
    await fails(/Status: 404/, "script", "export", "-i", unknown);
  });
  await check("is told 409 of a resource type in use", async () => {
    await fails(/Status: 409/, "authz", "type", "delete", "-i", typeId);
    await lists([typeId], "authz", "type", "list", "-l");
  });
  await check("is refused with a wrong password", async () => {
    const done = await execute(
      process.execPath,
      ["--no-warnings", app, "authz", "set", "list", am, realm, "amadmin", "wrong", "-m", "classic"],
      { env: { PATH: process.env.PATH, HOME: scratch, NO_PROXY: "127.0.0.1", FRODO_NO_CACHE: "1" } },
    );
    assert.equal(done.code, 1, done.out);
  });

  const removal = async () => {
    await works("authz", "policy", "delete", "-i", "frodo-inactive");
    await fails(/Status: 404/, "authz", "policy", "describe", "-i", "frodo-inactive");
    // A set takes its policies with it.
    await works("authz", "set", "delete", "-i", "frodo-shop");
    const left = await works("authz", "policy", "list", "-l");
    for (const name of names) assert.ok(!left.includes(name), left);
    await works("authz", "type", "delete", "-n", "Frodo shop");
    await fails(/Resource Type .* does not exist in realm/, "authz", "type", "describe", "-i", typeId);
    await works("script", "delete", "-i", scriptId);
    await fails(/Status: 404/, "script", "delete", "-i", scriptId);
  };
  const own = await assize("export", "--form", "frodo", "--realm", realm);
  writeFileSync(file("own.json"), own);
  await check("deletes policies, sets, types and scripts", removal);

  await check("imports what `assize export --form frodo` wrote", async () => {
    // What every realm has is in an export of ours, too; frodo finds it there and replaces it.
    for (const kind of ["type", "set", "policy"]) {
      await works("authz", kind, "import", "-a", "-f", "own.json");
    }
    await works("authz", "set", "export", "-i", "frodo-shop", "--prereqs", "-f", "back.json");
    for (const map of ["policyset", "resourcetype", "policy", "script"]) same(json("back.json")[map], wanted[map], map);
  });
  await check("has what it exported imported by `assize import`", async () => {
    await removal();
    writeFileSync(file("theirs.json"), JSON.stringify({ ...json("set.json"), realm }));
    await assize("import", file("theirs.json"));
    // A server takes over within a second what another process wrote into its store.
    const path = `${realm === "/" ? "" : realm}/policies?_queryFilter=applicationName+eq+%22frodo-shop%22`;
    for (let tries = 0; (await rest("GET", path)).resultCount < names.length; tries += 1) {
      assert.ok(tries < 100, "the import never arrived");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await works("authz", "set", "export", "-i", "frodo-shop", "--prereqs", "-f", "taken.json");
    for (const map of ["policyset", "resourcetype", "policy", "script"]) same(json("taken.json")[map], wanted[map], map);
  });
}

await rest("POST", "/global-config/realms?_action=create", {
  name: "frodo",
  parentPath: "/",
  active: true,
  aliases: [],
});
const realms = await frodo("/", ["realm", "list", "-l"]);
assert.equal(realms.code, 0, realms.err);
assert.match(realms.out, /frodo/);
const info = await frodo("/", ["info", "--json"]);
assert.match(JSON.parse(info.out).amVersion, /^\d+\.\d+\.\d+/, info.err);
passed += 1;
console.log("ok frodo logs in, tells about the server and lists realms");
await Promise.all([life("/"), life("/frodo")]);
console.log(`${passed} checks of frodo passed`);
