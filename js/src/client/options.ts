/** What a holder of a bundle is given, and what it says of itself. */

import type { Expected } from "../bundle/sealed.js";
import type { Decider, OutsideResolver } from "../decider.js";
import type { AssizeError } from "../errors.js";
import type { ModuleInput } from "../engine/module.js";
import type { JsonWebKeySet, KeySet } from "../jose/keys.js";
import type { BundleCache } from "./cache.js";
import type { Authorize } from "./publication.js";

/** What a client needs, and what it may be told. */
export interface PolicyClientOptions extends Expected {
  /** The published bundle: `https://am.example.com/am/json/realms/root/bundles/NAME`. Realm and name are read off it. */
  readonly url: string | URL;
  /** The keys that the server signs bundles with, pinned: a set, or `remoteKeySet(url)` where TLS is trusted for it. */
  readonly keys: JsonWebKeySet | KeySet;
  /** Proof of who asks: `bearer(…)` or `session(…)`. Without it the bundle is asked for anonymously. */
  readonly authorize?: Authorize;
  /** Where the last good bundle survives a restart. */
  readonly cache?: BundleCache;
  /** Seconds; lowers the age that the bundle itself allows. */
  readonly maxAge?: number;
  /** A revision below which nothing is taken, whoever signed it. */
  readonly floor?: number;
  /**
   * How a change is heard of. `events` (unless told): a stream of notices, or long polls where a stream does not come
   * through; for processes that live on. `demand`: nothing runs in between; a decision first asks for a notice when the last
   * one is older than `confirmWithin`; for edge workers.
   */
  readonly refresh?: "events" | "demand";
  /** Milliseconds, for `demand`: how old a confirmation may be before a decision asks for a new one. 1000 unless told. */
  readonly confirmWithin?: number;
  /** Milliseconds to wait for the server before the held bundle has to do. 5000 unless told. */
  readonly timeout?: number;
  /** Resolves outside conditions here. */
  readonly outside?: OutsideResolver;
  /**
   * A server that takes the whole question when it depends on outside conditions that nothing here resolves, or on a
   * session, whose facts only a server has. Without one such conditions are undetermined.
   */
  readonly remote?: Decider;
  readonly module?: ModuleInput;
  readonly fetch?: typeof fetch;
  /** Epoch milliseconds; for tests. */
  readonly clock?: () => number;
  /** Told of each new revision after it has taken the place of the older one. */
  readonly onChange?: (status: Status) => void;
  /** Told of everything that went wrong in the background. */
  readonly onError?: (error: AssizeError) => void;
}

/** What a client holds, and how it stands. */
export interface Status {
  /** `empty`: nothing is held, decisions reject. `stale`: the bundle is too old, everything is denied. */
  readonly state: "empty" | "fresh" | "stale";
  readonly realm?: string;
  readonly name?: string;
  readonly revision?: number;
  readonly digest?: string;
  /** Where the held bundle came from. */
  readonly source?: "server" | "cache";
  /** Epoch milliseconds at which the server last said, signed, that the held revision is the newest. */
  readonly confirmedAt?: number;
  /** Milliseconds since then, and how many of them are allowed. */
  readonly age?: number;
  readonly maxAge?: number;
  /** The highest revision seen: above `revision`, the server has something newer that could not be taken yet. */
  readonly floor: number;
  /** What last went wrong; gone when a refresh succeeds. */
  readonly lastError?: AssizeError;
}
