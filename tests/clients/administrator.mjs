// The stage of every suite: AM's REST interface, used as its administrator.

import assert from "node:assert/strict";

/** The cookie, and the header, that holds a session. */
export const COOKIE = "iPlanetDirectoryPro";

// A suite may put another one in its place, which acts as a browser does.
const fetch = globalThis.fetch;

/** The body of an answer that must be good. */
export async function json(answer) {
  const text = await answer.text();
  assert.ok(answer.ok, `${answer.url}: ${answer.status} ${text}`);
  return JSON.parse(text);
}

/** A new session of somebody in the root realm. */
export async function session(am, user, password) {
  const headers = { "X-OpenAM-Username": user, "X-OpenAM-Password": password };
  return (await json(await fetch(`${am}/json/authenticate`, { method: "POST", headers }))).tokenId;
}

/** Whether a session lives. */
export async function isValid(am, token) {
  const headers = { "Content-Type": "application/json", "Accept-API-Version": "resource=1.1" };
  return (await json(await fetch(`${am}/json/sessions/${token}?_action=validate`, { method: "POST", headers }))).valid;
}

/** A function that sends a request as the administrator and gives the body of its answer. */
export async function administrator(am, password) {
  const token = await session(am, "amadmin", password);
  const rest = async (method, path, body, version = "protocol=2.1") => {
    const headers = { "Content-Type": "application/json", "Accept-API-Version": version, [COOKIE]: token };
    return json(await fetch(`${am}/json${path}`, { method, headers, body: body && JSON.stringify(body) }));
  };
  return { token, rest };
}
