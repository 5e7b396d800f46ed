/** Public keys (RFC 7517), and where they come from. */

import { textUpTo } from "../bounded.js";
import { OptionsError, RemoteError, TokenError } from "../errors.js";

/** A public key as a JWKS holds it. */
export interface PublicJwk {
  readonly kty: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
}

/** A set of public keys. */
export interface JsonWebKeySet {
  readonly keys: readonly PublicJwk[];
}

/** Finds the key that a signature names. */
export interface KeySet {
  /** The key with this id, or `undefined`; without an id, the only key there is. */
  find(kid: string | undefined): Promise<PublicJwk | undefined>;
}

/** How a set that lives at a URL is kept. */
export interface RemoteKeySetOptions {
  readonly fetch?: typeof fetch;
  readonly clock?: () => number;
  /** Milliseconds for which a fetched set is used unasked; 10 minutes unless told. */
  readonly lifetime?: number;
  /** Milliseconds between two fetches for an unknown key id, so that garbage cannot cause a storm; 10 seconds unless told. */
  readonly cooldown?: number;
  /** Milliseconds to wait for an answer; 5 seconds unless told. */
  readonly timeout?: number;
}

/** Most keys that a set may have, and most bytes that it may come in. */
const MAX_KEYS = 100;
const MAX_BYTES = 256 << 10;

/** Milliseconds after a failed first fetch before another one is tried. */
const RETRY = 1_000;

/** A set that never changes. */
export function keySet(keys: JsonWebKeySet | KeySet): KeySet {
  if (!("keys" in keys)) return keys;
  const list = checked(keys);
  return { find: (kid) => Promise.resolve(pick(list, kid)) };
}

/** The set at a URL: fetched when needed, kept, and fetched anew when a signature names a key that it lacks. */
export function remoteKeySet(url: string | URL, options: RemoteKeySetOptions = {}): KeySet {
  const { clock = Date.now, lifetime = 600_000, cooldown = 10_000, timeout = 5_000 } = options;
  const fetcher = options.fetch ?? ((input, init) => fetch(input, init));
  let held: { readonly keys: readonly PublicJwk[]; readonly at: number } | undefined;
  let asked = -Infinity;
  let failed: unknown;
  let running: Promise<void> | undefined;

  const refresh = (): Promise<void> => {
    asked = clock();
    running ??= download(url, fetcher, timeout)
      .then(
        (keys) => {
          held = { keys, at: clock() };
          failed = undefined;
        },
        (error: unknown) => {
          failed = error;
          throw error;
        },
      )
      .finally(() => (running = undefined));
    return running;
  };
  return {
    async find(kid) {
      // While the issuer is away, not every request waits for it anew.
      if (held === undefined && failed !== undefined && clock() - asked < RETRY) throw failed;
      if (held === undefined || (clock() - held.at > lifetime && clock() - asked >= cooldown)) {
        // Old keys are better than none while their server is away.
        await refresh().catch((error: unknown) => {
          if (held === undefined) throw error;
        });
      }
      const known = pick(held?.keys ?? [], kid);
      if (known !== undefined || clock() - asked < cooldown) return known;
      await refresh().catch(() => undefined);
      return pick(held?.keys ?? [], kid);
    },
  };
}

async function download(url: string | URL, fetcher: typeof fetch, timeout: number): Promise<readonly PublicJwk[]> {
  let response: Response;
  try {
    response = await fetcher(url, { headers: { accept: "application/json" }, signal: AbortSignal.timeout(timeout) });
  } catch (cause) {
    throw new RemoteError("unreachable", `the keys at ${String(url)} cannot be fetched`, { cause });
  }
  if (!response.ok) {
    throw new RemoteError("refused", `${String(url)} answers ${response.status}`, { status: response.status });
  }
  const text = await textUpTo(MAX_BYTES, response).catch((cause: unknown) => {
    throw new RemoteError("unreachable", `the keys at ${String(url)} cannot be fetched`, { cause });
  });
  if (text === undefined) throw new RemoteError("badAnswer", `${String(url)} answers more than ${MAX_BYTES} bytes`);
  try {
    return checked(JSON.parse(text) as JsonWebKeySet);
  } catch (cause) {
    throw new RemoteError("badAnswer", `${String(url)} answers no JSON Web Key Set`, { cause });
  }
}

function checked(set: JsonWebKeySet): readonly PublicJwk[] {
  if (!Array.isArray(set.keys) || set.keys.length > MAX_KEYS) {
    throw new OptionsError(`a key set is {"keys": […]} with at most ${MAX_KEYS} keys`);
  }
  return (set.keys as readonly PublicJwk[]).filter(
    (key) => typeof key === "object" && key !== null && typeof key.kty === "string" && (key.use ?? "sig") === "sig",
  );
}

function pick(keys: readonly PublicJwk[], kid: string | undefined): PublicJwk | undefined {
  if (kid !== undefined) return keys.find((key) => key.kid === kid);
  return keys.length === 1 ? keys[0] : undefined;
}

/** A token whose key is not known is not believed. */
export function unknownKey(kid: string | undefined): TokenError {
  return new TokenError("unknownKey", kid === undefined ? "the token names no key" : `no key is called ${kid}`);
}
