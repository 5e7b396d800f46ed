/**
 * A holder of one published bundle: fetches it, verifies it, decides with it, keeps it current, and denies when it has
 * become too old (DESIGN §4).
 */

import { Bundle, bundleUnder, withExternals } from "../bundle/bundle.js";
import { type Expected, type Notice, openSealed, readNotice, type Seal } from "../bundle/sealed.js";
import { denial, type Tree } from "../bundle/tree.js";
import type { Decider, OutsideResolver } from "../decider.js";
import type { Answer, Explanation, Externals } from "../decision.js";
import { AssizeError, BundleError, OptionsError, reasonOf } from "../errors.js";
import { compiledModule, type ModuleInput } from "../engine/module.js";
import { type JsonWebKeySet, type KeySet, keySet } from "../jose/keys.js";
import { engineRequest, type EngineRequest, type EvaluateRequest, type EvaluateTreeRequest } from "../request.js";
import type { BundleCache } from "./cache.js";
import { follow } from "./follow.js";
import { ageOf, confirmed, type Freshness, freshnessOf, isFresh } from "./freshness.js";
import { type Authorize, Publication } from "./publication.js";

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

interface Held {
  readonly bundle: Bundle;
  readonly seal: Seal;
  readonly sealed: Uint8Array;
  readonly freshness: Freshness;
  readonly source: "server" | "cache";
  readonly etag: string | undefined;
  readonly notice: string | undefined;
}

/** The part of a Worker's execution context (or of a service worker's event) that keeps background work alive. */
export interface WaitUntil {
  waitUntil(work: Promise<unknown>): void;
}

/** A local decider that stays current. */
export class PolicyClient implements Decider {
  readonly #options: PolicyClientOptions;
  readonly #publication: Publication;
  readonly #keys: KeySet;
  readonly #expected: Expected;
  readonly #clock: () => number;
  readonly #stop = new AbortController();
  #held: Held | undefined;
  #floor: number;
  #lastError: AssizeError | undefined;
  /** When a notice was last asked for: the clock's milliseconds. */
  #asked = -Infinity;
  /** Until when a worker's request follows the notices: the clock's milliseconds. */
  #attendedUntil = -Infinity;
  #starting: Promise<void> | undefined;
  #downloading: Promise<void> | undefined;
  #confirming: Promise<void> | undefined;

  /** Checks the options; fetches nothing yet. */
  constructor(options: PolicyClientOptions) {
    const url = String(options.url).replace(/\/$/, "");
    const located = locate(url);
    this.#expected = {
      realm: options.realm ?? located.realm,
      name: options.name ?? located.name,
      ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
    };
    if (options.maxAge !== undefined && !(options.maxAge >= 0)) throw new OptionsError("`maxAge` is a number of seconds");
    this.#options = options;
    this.#keys = keySet(options.keys);
    this.#clock = options.clock ?? Date.now;
    this.#floor = options.floor ?? 0;
    const fetcher = options.fetch ?? ((input, init) => fetch(input, init));
    this.#publication = new Publication(url, fetcher, options.authorize ?? (() => ({})), this.#timeout);
  }

  /**
   * Resolves as soon as there is a bundle to decide with, from the server or else from the cache. Called by every decision;
   * call it at the start to know early. One download serves all who wait.
   *
   * @throws BundleError `noBundle`
   */
  async ready(): Promise<void> {
    if (this.#held !== undefined) return;
    this.#starting ??= this.#start().finally(() => (this.#starting = undefined));
    await within(this.#starting, this.#timeout * 2, () => (this.#starting = undefined));
  }

  /** {@inheritDoc Decider.evaluate} */
  async evaluate(request: EvaluateRequest): Promise<Answer> {
    const held = await this.#current();
    if (this.#isRemote(request)) return this.#remote.evaluate(request);
    const asked = engineRequest(request, { resources: request.resources }, this.#clock());
    if (!isFresh(held.freshness, this.#clock())) return this.#denied(held, request.resources);
    return (await this.#decide(held, asked)) ?? this.#remote.evaluate(request);
  }

  /** {@inheritDoc Decider.evaluateTree} */
  async evaluateTree(request: EvaluateTreeRequest): Promise<Tree> {
    const held = await this.#current();
    if (this.#isRemote(request)) return this.#remote.evaluateTree(request);
    const asked = engineRequest(request, { tree: request.resource }, this.#clock());
    if (!isFresh(held.freshness, this.#clock())) {
      return held.bundle.tree(request.resource, this.#denied(held, [request.resource]));
    }
    const answer = await this.#decide(held, asked);
    return answer === undefined ? this.#remote.evaluateTree(request) : held.bundle.tree(request.resource, answer);
  }

  /** Why the held bundle decides as it does, stale or not; outside conditions as `evaluate` has them. */
  async explain(request: EvaluateRequest | EvaluateTreeRequest): Promise<Explanation> {
    const held = await this.#current();
    const target = "resources" in request ? { resources: request.resources } : { tree: request.resource };
    const answer = await this.#decide(held, engineRequest(request, { ...target, explain: true }, this.#clock()));
    return answer?.explanation ?? held.bundle.explain(request);
  }

  /** How the client stands. */
  status(): Status {
    const held = this.#held;
    const error = this.#lastError === undefined ? {} : { lastError: this.#lastError };
    if (held === undefined) return { state: "empty", floor: this.#floor, ...error };
    const now = this.#clock();
    return {
      state: isFresh(held.freshness, now) ? "fresh" : "stale",
      realm: held.seal.realm,
      name: held.seal.name,
      revision: held.seal.revision,
      digest: held.seal.digest,
      source: held.source,
      confirmedAt: held.freshness.confirmedAt,
      age: ageOf(held.freshness, now),
      maxAge: held.freshness.maxAge,
      floor: this.#floor,
      ...error,
    };
  }

  /** The held bundle, for synchronous use; its age is then the caller's business. */
  get bundle(): Bundle | undefined {
    return this.#held?.bundle;
  }

  /**
   * Asks the server now: a notice, and the bundle if it is a newer one.
   *
   * @throws AssizeError when the server does not answer, or with something that is refused. The held bundle stays.
   */
  async refresh(): Promise<void> {
    this.#asked = this.#clock();
    if (this.#held === undefined) return this.#download();
    await this.#hear(await this.#publication.notice());
  }

  /**
   * Follows the server's notices for some time, beside the requests of an edge worker that would otherwise run nothing in
   * between: `client.attend(ctx, 25_000)`.
   */
  attend(context: WaitUntil, milliseconds: number): void {
    const now = this.#clock();
    // An instant and no flag: where the runtime ends the work without a word, the next request takes over.
    if (now < this.#attendedUntil) return;
    this.#attendedUntil = now + milliseconds;
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(milliseconds)]);
    context.waitUntil(this.#follow(signal).finally(() => (this.#attendedUntil = -Infinity)));
  }

  /** Ends everything that runs in the background. The held bundle decides on until it is too old. */
  close(): void {
    this.#stop.abort();
  }

  get #timeout(): number {
    return this.#options.timeout ?? 5_000;
  }

  async #start(): Promise<void> {
    await this.#readCache().catch((error: unknown) => this.#report(error));
    const stale = this.#held === undefined || !isFresh(this.#held.freshness, this.#clock());
    const asking = this.refresh();
    if (stale || this.#options.refresh === "demand") {
      await asking.catch((error: unknown) => this.#report(error));
    } else {
      // A fresh bundle from the cache decides at once, while the server is asked.
      asking.catch((error: unknown) => this.#report(error));
    }
    if ((this.#options.refresh ?? "events") === "events") void this.#follow(this.#stop.signal);
    if (this.#held === undefined) {
      const why = this.#lastError === undefined ? "" : `: ${this.#lastError.message}`;
      throw new BundleError("noBundle", `no bundle could be had from the server or the cache${why}`, {
        cause: this.#lastError,
      });
    }
  }

  /** The bundle to decide with, confirmed as recently as was asked for if the server can be reached. */
  async #current(): Promise<Held> {
    await this.ready();
    const patience = this.#options.confirmWithin ?? 1_000;
    // Whoever comes while the server is being asked waits for the same answer.
    const due = this.#confirming !== undefined || this.#clock() - this.#asked >= patience;
    if (this.#options.refresh === "demand" && due) {
      this.#confirming ??= this.refresh()
        .catch((error: unknown) => this.#report(error))
        .finally(() => (this.#confirming = undefined));
      const forget = (): void => void (this.#confirming = undefined);
      await within(this.#confirming, this.#timeout, forget).catch((error: unknown) => this.#report(error));
    }
    // `ready` has seen to it.
    return this.#held as Held;
  }

  #follow(signal: AbortSignal): Promise<void> {
    return follow(
      this.#publication,
      {
        revision: () => Math.max(this.#floor, this.#held?.seal.revision ?? 0),
        hear: (notice) => this.#hear(notice),
        report: (error) => this.#report(error),
      },
      signal,
    );
  }

  async #hear(jws: string): Promise<void> {
    const notice = await readNotice(jws, this.#keys, this.#expected, this.#options.module);
    this.#asked = this.#clock();
    const held = this.#held;
    if (held !== undefined && notice.revision === held.seal.revision) return this.#confirm(held, notice, jws);
    // A notice of the past says nothing about now.
    if (notice.revision < this.#floor) return;
    this.#floor = notice.revision;
    await this.#download();
  }

  async #confirm(held: Held, notice: Notice, jws: string): Promise<void> {
    const freshness = confirmed(held.freshness, held.seal, notice, this.#clock());
    this.#lastError = undefined;
    if (freshness.confirmedAt <= held.freshness.confirmedAt) return;
    this.#held = { ...held, freshness, notice: jws };
    await this.#writeCache();
  }

  #download(): Promise<void> {
    this.#downloading ??= this.#fetchBundle().finally(() => (this.#downloading = undefined));
    return within(this.#downloading, this.#timeout * 2, () => (this.#downloading = undefined));
  }

  async #fetchBundle(): Promise<void> {
    const answer = await this.#publication.bundle(this.#held?.etag);
    if (answer === undefined) return;
    const { seal, content } = await openSealed(answer.sealed, this.#keys, this.#expected, this.#options.module);
    if (seal.revision < this.#floor) {
      throw new BundleError("olderRevision", `revision ${seal.revision} was sent after ${this.#floor} had been seen`);
    }
    const before = this.#held;
    const bundle =
      before !== undefined && before.seal.revision === seal.revision && before.seal.digest === seal.digest
        ? before.bundle
        : bundleUnder(seal, content, await compiledModule(this.#options.module), this.#clock);
    // INVARIANT: everything is verified and loaded before this one assignment, which is what decisions see.
    const fresh = freshnessOf(seal, this.#options.maxAge, this.#clock());
    this.#floor = Math.max(this.#floor, seal.revision);
    this.#held = {
      bundle,
      seal,
      sealed: answer.sealed,
      freshness: before?.bundle === bundle ? newer(before.freshness, fresh) : fresh,
      source: "server",
      etag: answer.etag,
      notice: before?.bundle === bundle ? before.notice : undefined,
    };
    this.#lastError = undefined;
    if (before?.bundle !== bundle) this.#tell(() => this.#options.onChange?.(this.status()));
    await this.#writeCache();
  }

  async #readCache(): Promise<void> {
    const record = await this.#options.cache?.read(this.#publication.url);
    if (record === undefined) return;
    const { seal, content } = await openSealed(record.sealed, this.#keys, this.#expected, this.#options.module);
    if (seal.revision < (this.#options.floor ?? 0)) {
      throw new BundleError("olderRevision", `the cached revision ${seal.revision} is below the configured floor`);
    }
    const now = this.#clock();
    let freshness = freshnessOf(seal, this.#options.maxAge, now);
    if (record.notice !== undefined) {
      const notice = await readNotice(record.notice, this.#keys, this.#expected, this.#options.module);
      freshness = confirmed(freshness, seal, notice, now);
    }
    // Somebody may have been quicker by way of the network.
    if (this.#held !== undefined) return;
    const bundle = bundleUnder(seal, content, await compiledModule(this.#options.module), this.#clock);
    this.#floor = Math.max(this.#floor, record.floor, seal.revision);
    this.#held = { bundle, seal, sealed: record.sealed, freshness, source: "cache", etag: undefined, notice: record.notice };
  }

  async #writeCache(): Promise<void> {
    const held = this.#held;
    if (held === undefined || this.#options.cache === undefined) return;
    const notice = held.notice === undefined ? {} : { notice: held.notice };
    await this.#options.cache
      .write(this.#publication.url, { sealed: held.sealed, floor: this.#floor, ...notice })
      .catch((error: unknown) => this.#report(error));
  }

  /** The answer; `undefined` where the whole question has to go to the server. */
  async #decide(held: Held, request: EngineRequest): Promise<Answer | undefined> {
    const first = held.bundle.ask(request);
    if (!("needs" in first)) return first;
    const { outside, remote } = this.#options;
    if (outside === undefined && remote !== undefined) return undefined;
    let results: Externals = {};
    try {
      results = (await outside?.resolve(first.needs, request, held.bundle.scripts)) ?? {};
    } catch (error) {
      this.#report(error);
      const failed = { error: "outside conditions could not be resolved", ttl: 0 };
      results = Object.fromEntries(first.needs.map(({ id }) => [id, failed]));
    }
    // The same bundle answers both times, whatever has become current in between.
    const second = held.bundle.ask(withExternals(request, first.needs, results));
    return "needs" in second ? undefined : second;
  }

  /** A session's facts are the server's: a bundle cannot know them. */
  #isRemote(request: EvaluateRequest | EvaluateTreeRequest): boolean {
    const { credential } = request;
    return credential !== undefined && "ssoToken" in credential && this.#options.remote !== undefined;
  }

  get #remote(): Decider {
    const { remote } = this.#options;
    if (remote === undefined) throw new OptionsError("there is no server to ask: give one as `remote`");
    return remote;
  }

  #denied(held: Held, resources: readonly string[]): Answer {
    const now = this.#clock();
    const seconds = (milliseconds: number): number => Math.round(milliseconds / 1000);
    return {
      decisions: resources.map((resource) => denial(resource, now)),
      effects: [],
      bundle: { digest: held.seal.digest, revision: held.seal.revision },
      denied: {
        code: "staleBundle",
        message: `the bundle was last confirmed ${seconds(ageOf(held.freshness, now))} s ago, ${seconds(held.freshness.maxAge)} s are allowed`,
      },
    };
  }

  #report(error: unknown): void {
    if (this.#stop.signal.aborted) return;
    const known = error instanceof AssizeError ? error : new BundleError("noBundle", reasonOf(error), { cause: error });
    this.#lastError = known;
    this.#tell(() => this.#options.onError?.(known));
  }

  /** What a listener throws is its own business. */
  #tell(listener: () => void): void {
    try {
      listener();
    } catch {
      // A listener that fails must not keep a bundle from being current.
    }
  }
}

/** Realm and name in a bundle's URL: `…/json/realms/root/realms/alpha/bundles/NAME` is `/alpha` and `NAME`. */
function locate(url: string): { readonly realm: string; readonly name: string } {
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

function newer(a: Freshness, b: Freshness): Freshness {
  return { maxAge: b.maxAge, confirmedAt: Math.max(a.confirmedAt, b.confirmedAt) };
}

/**
 * The outcome of shared work, or an error after a while: in an edge worker, work dies silently with the request that began
 * it, and whoever shares it must not wait for ever.
 */
async function within<T>(work: Promise<T>, milliseconds: number, forget: () => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      forget();
      reject(new BundleError("noBundle", `no bundle came within ${milliseconds} ms`));
    }, milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
