/** The server's side of a bundle: the sealed bundle, the notice, the long poll, the events. */

import { bytesUpTo, textUpTo } from "../bounded.js";
import { OptionsError, RemoteError } from "../errors.js";

/** Headers that prove who asks. Called for each request; `refused` after a 401, when what was given no longer holds. */
export type Authorize = (refused: boolean) => HeadersInit | Promise<HeadersInit>;

/** An access token of the server, or how to get one. */
export function bearer(token: string | ((refused: boolean) => string | Promise<string>)): Authorize {
  return async (refused) => ({
    authorization: `Bearer ${typeof token === "string" ? token : await token(refused)}`,
  });
}

/** A session of the server, in the header that AM calls by its cookie's name. */
export function session(
  token: string | ((refused: boolean) => string | Promise<string>),
  header = "iPlanetDirectoryPro",
): Authorize {
  return async (refused) => ({ [header]: typeof token === "string" ? token : await token(refused) });
}

/** Largest sealed bundle that is read, and largest notice. */
const MAX_BUNDLE_BYTES = 256 << 20;
const MAX_NOTICE_CHARACTERS = 64 << 10;

/** Seconds that a long poll may last, and silence after which a stream of events is given up. The server speaks every 15 s. */
const POLL_SECONDS = 25;
const SILENCE_SECONDS = 40;

/** One published bundle. */
export class Publication {
  readonly url: string;
  readonly #fetch: typeof fetch;
  readonly #authorize: Authorize;
  readonly #timeout: number;

  constructor(url: string, fetcher: typeof fetch, authorize: Authorize, timeout: number) {
    this.url = url;
    this.#fetch = fetcher;
    this.#authorize = authorize;
    this.#timeout = timeout;
  }

  /** The sealed bundle; `undefined` where the one with this ETag is still the newest. */
  async bundle(etag: string | undefined): Promise<{ readonly sealed: Uint8Array; readonly etag: string | undefined } | undefined> {
    const headers = { accept: "application/vnd.assize.bundle", ...(etag === undefined ? {} : { "if-none-match": etag }) };
    const response = await this.#get("", headers, AbortSignal.timeout(this.#timeout));
    if (response.status === 304) {
      await response.body?.cancel();
      return undefined;
    }
    const sealed = await this.#read(() => bytesUpTo(MAX_BUNDLE_BYTES, response));
    if (sealed === undefined) throw new RemoteError("badAnswer", `the bundle is larger than ${MAX_BUNDLE_BYTES} bytes`);
    return { sealed, etag: response.headers.get("etag") ?? undefined };
  }

  /** The notice of now. */
  async notice(): Promise<string> {
    return this.#noticeOf(await this.#get("/notice", {}, AbortSignal.timeout(this.#timeout)));
  }

  /** The notice, as soon as it names a higher revision than `after`, or after a while. */
  async nextNotice(after: number, signal: AbortSignal): Promise<string> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(this.#timeout + POLL_SECONDS * 1000)]);
    return this.#noticeOf(await this.#get(`/notice?after=${after}&wait=${POLL_SECONDS}`, {}, limit));
  }

  /** Notices as the server sends them, until it ends, falls silent, or `signal` says so. */
  async *notices(signal: AbortSignal): AsyncGenerator<string, void> {
    const silence = new AbortController();
    const limit = AbortSignal.any([signal, silence.signal]);
    let timer = setTimeout(() => silence.abort(), this.#timeout);
    try {
      const response = await this.#get("/events", { accept: "text/event-stream" }, limit);
      if (response.body === null || response.headers.get("content-type")?.startsWith("text/event-stream") !== true) {
        await response.body?.cancel();
        throw new RemoteError("badAnswer", `${this.url}/events sends no events`);
      }
      for await (const data of events(response.body)) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_SECONDS * 1000);
        yield data;
      }
    } finally {
      clearTimeout(timer);
      // Leaves no connection behind, whoever stopped reading.
      silence.abort();
    }
  }

  async #noticeOf(response: Response): Promise<string> {
    const text = await this.#read(() => textUpTo(MAX_NOTICE_CHARACTERS, response));
    if (text === undefined) throw new RemoteError("badAnswer", "the notice is too long");
    return text;
  }

  async #get(path: string, headers: Record<string, string>, signal: AbortSignal): Promise<Response> {
    const first = await this.#once(path, headers, signal, false);
    if (first.status !== 401) return this.#accepted(first, path);
    await first.body?.cancel();
    return this.#accepted(await this.#once(path, headers, signal, true), path);
  }

  async #once(path: string, headers: Record<string, string>, signal: AbortSignal, refused: boolean): Promise<Response> {
    const all = new Headers(await this.#authorize(refused));
    for (const [name, value] of Object.entries(headers)) all.set(name, value);
    return this.#read(() => this.#fetch(this.url + path, { headers: all, signal, redirect: "manual" }));
  }

  async #accepted(response: Response, path: string): Promise<Response> {
    if (response.ok || response.status === 304) return response;
    await response.body?.cancel();
    throw new RemoteError("refused", `${this.url}${path} answers ${response.status}`, { status: response.status });
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (cause) {
      throw new RemoteError("unreachable", `${this.url} does not answer`, { cause });
    }
  }
}

/** The data of the `notice` events in a stream (WHATWG HTML §9.2.6). */
export async function* events(body: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  let [type, data] = ["message", ""];
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += decoder.decode(value, { stream: true });
      if (rest.length > 2 * MAX_NOTICE_CHARACTERS) throw new RemoteError("badAnswer", "an event is too long");
      // A carriage return at the end may be half of a line's end.
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop() ?? "";
      for (const line of lines) {
        if (line === "") {
          if (type === "notice" && data !== "") yield data;
          [type, data] = ["message", ""];
          continue;
        }
        const [, field, content = ""] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
        if (field === "event") type = content;
        else if (field === "data") data += data === "" ? content : `\n${content}`;
      }
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

/** Realm and name in a bundle's URL: `…/json/realms/root/realms/alpha/bundles/NAME` is `/alpha` and `NAME`. */
export function locate(url: string): { readonly realm: string; readonly name: string } {
  const { pathname } = new URL(url);
  const parts = /\/json((?:\/realms\/[^/]+)*|(?:\/[^/]+)*)\/bundles\/([^/]+)$/.exec(pathname);
  const [, path, name] = parts ?? [];
  if (path === undefined || name === undefined) {
    throw new OptionsError(`${url} is no bundle's URL, which ends with /json/realms/root/bundles/NAME`);
  }
  const segments = path.split("/").filter((segment) => segment !== "");
  const realms = segments[0] === "realms" ? segments.filter((_, at) => at % 2 === 1) : segments;
  const beneath = realms[0] === "root" ? realms.slice(1) : realms;
  return { realm: `/${beneath.map(decodeURIComponent).join("/")}`, name: decodeURIComponent(name) };
}
