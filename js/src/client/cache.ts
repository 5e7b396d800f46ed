/**
 * Where a holder keeps its last good bundle, so that it can decide after a restart while its server is away.
 *
 * What is kept is signed and is verified again when it is read: a cache can lose a bundle or give an old one back, but
 * never make one up, and the floor that is kept with it says which revisions are too old.
 */

import { utf8 } from "../jose/base64url.js";

/** What is kept for one bundle. */
export interface CacheRecord {
  /** The sealed bundle, as the server sent it. */
  readonly sealed: Uint8Array;
  /** The newest notice about this revision, which says how fresh it is. */
  readonly notice?: string;
  /** The highest revision that has been seen. */
  readonly floor: number;
}

/** A place for one record per key. Whatever it throws is reported and otherwise ignored: a cache is no condition. */
export interface BundleCache {
  read(key: string): Promise<CacheRecord | undefined>;
  write(key: string, record: CacheRecord): Promise<void>;
}

/** A cache in this process, for tests and for several clients of one bundle. */
export class MemoryCache implements BundleCache {
  readonly #records = new Map<string, CacheRecord>();

  read(key: string): Promise<CacheRecord | undefined> {
    return Promise.resolve(this.#records.get(key));
  }

  write(key: string, record: CacheRecord): Promise<void> {
    this.#records.set(key, record);
    return Promise.resolve();
  }
}

/** The part of the Cache API (browsers, Deno, Workers' `caches.default`) that is used. */
export interface CacheApi {
  match(request: string): Promise<Response | undefined>;
  put(request: string, response: Response): Promise<void>;
}

/** Browsers and edges: `new CacheApiCache(await caches.open("assize"))`, or `caches.default` in a Worker. */
export class CacheApiCache implements BundleCache {
  readonly #cache: CacheApi;

  constructor(cache: CacheApi) {
    this.#cache = cache;
  }

  async read(key: string): Promise<CacheRecord | undefined> {
    const response = await this.#cache.match(address(key));
    return response === undefined ? undefined : unpack(new Uint8Array(await response.arrayBuffer()));
  }

  async write(key: string, record: CacheRecord): Promise<void> {
    const headers = { "content-type": "application/octet-stream", "cache-control": "max-age=31536000" };
    await this.#cache.put(address(key), new Response(pack(record), { headers }));
  }
}

/** The Cache API keeps what has an http URL; this one is nobody's. */
function address(key: string): string {
  return `https://bundle-cache.invalid/${encodeURIComponent(key)}`;
}

/** The part of Workers KV that is used. */
export interface KvNamespace {
  get(key: string, type: "arrayBuffer"): Promise<ArrayBuffer | null>;
  put(key: string, value: ArrayBuffer): Promise<void>;
}

/** Workers KV: `new KvCache(env.BUNDLES)`. */
export class KvCache implements BundleCache {
  readonly #namespace: KvNamespace;

  constructor(namespace: KvNamespace) {
    this.#namespace = namespace;
  }

  async read(key: string): Promise<CacheRecord | undefined> {
    const value = await this.#namespace.get(key, "arrayBuffer");
    return value === null ? undefined : unpack(new Uint8Array(value));
  }

  async write(key: string, record: CacheRecord): Promise<void> {
    await this.#namespace.put(key, pack(record).buffer);
  }
}

/** A record as bytes: a line of JSON, then the sealed bundle. */
export function pack(record: CacheRecord): Uint8Array<ArrayBuffer> {
  const head = utf8(`${JSON.stringify({ floor: record.floor, notice: record.notice })}\n`);
  const bytes = new Uint8Array(head.length + record.sealed.length);
  bytes.set(head);
  bytes.set(record.sealed, head.length);
  return bytes;
}

/** The record in some bytes; `undefined` where they hold none. */
export function unpack(bytes: Uint8Array): CacheRecord | undefined {
  const end = bytes.indexOf(10);
  if (end < 0) return undefined;
  try {
    const head = JSON.parse(new TextDecoder().decode(bytes.subarray(0, end))) as { floor: unknown; notice?: unknown };
    if (!Number.isSafeInteger(head.floor)) return undefined;
    return {
      sealed: bytes.subarray(end + 1),
      floor: head.floor as number,
      ...(typeof head.notice === "string" ? { notice: head.notice } : {}),
    };
  } catch {
    return undefined;
  }
}
