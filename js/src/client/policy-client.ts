/**
 * A holder of one published bundle: decides with it, keeps it current, and denies when it has become too old (DESIGN §4).
 */

import { type Bundle, withExternals } from "../bundle/bundle.js";
import { denial, type Tree } from "../bundle/tree.js";
import type { Decider } from "../decider.js";
import type { Answer, Explanation, Externals } from "../decision.js";
import { BundleError, OptionsError } from "../errors.js";
import { engineRequest, type EngineRequest, type EvaluateRequest, type EvaluateTreeRequest } from "../request.js";
import { follow } from "./follow.js";
import { ageOf, clockOf, isFresh, type Now } from "./freshness.js";
import { type Held, Holding } from "./holding.js";
import type { PolicyClientOptions, Status } from "./options.js";
import { locate, Publication } from "./publication.js";
import { within } from "./within.js";

/** The part of a Worker's execution context (or of a service worker's event) that keeps background work alive. */
export interface WaitUntil {
  waitUntil(work: Promise<unknown>): void;
}

/** A local decider that stays current. */
export class PolicyClient implements Decider {
  readonly #options: PolicyClientOptions;
  readonly #publication: Publication;
  readonly #holding: Holding;
  readonly #clock: () => number;
  readonly #now: () => Now;
  readonly #stop = new AbortController();
  /** Until when a worker's request follows the notices: the clock's milliseconds. */
  #attendedUntil = -Infinity;
  #isFollowing = false;
  #starting: Promise<void> | undefined;
  #confirming: Promise<void> | undefined;

  /** Checks the options; fetches nothing yet. */
  constructor(options: PolicyClientOptions) {
    const url = String(options.url).replace(/\/$/, "");
    const located = locate(url);
    const expected = {
      realm: options.realm ?? located.realm,
      name: options.name ?? located.name,
      ...(options.issuer === undefined ? {} : { issuer: options.issuer }),
    };
    if (options.maxAge !== undefined && !(options.maxAge >= 0)) throw new OptionsError("`maxAge` is a number of seconds");
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
    this.#now = clockOf(options.clock);
    const fetcher = options.fetch ?? ((input, init) => fetch(input, init));
    this.#publication = new Publication(url, fetcher, options.authorize ?? (() => ({})), this.#timeout);
    this.#holding = new Holding(options, this.#publication, expected, this.#timeout, this.#stop.signal);
  }

  /**
   * Resolves as soon as there is a bundle to decide with, from the server or else from the cache. Called by every decision;
   * call it at the start to know early. One download serves all who wait.
   *
   * @throws BundleError `noBundle`
   */
  async ready(): Promise<void> {
    if (this.#holding.held !== undefined) return;
    this.#starting ??= this.#start().finally(() => (this.#starting = undefined));
    await within(this.#starting, this.#timeout * 2, () => (this.#starting = undefined));
  }

  /** {@inheritDoc Decider.evaluate} */
  async evaluate(request: EvaluateRequest): Promise<Answer> {
    const held = await this.#current();
    if (this.#isRemote(request)) return this.#remote.evaluate(request);
    const asked = engineRequest(request, { resources: request.resources }, this.#clock());
    if (!isFresh(held.freshness, this.#now())) return this.#denied(held, request.resources);
    return (await this.#decide(held, asked)) ?? this.#remote.evaluate(request);
  }

  /** {@inheritDoc Decider.evaluateTree} */
  async evaluateTree(request: EvaluateTreeRequest): Promise<Tree> {
    const held = await this.#current();
    if (this.#isRemote(request)) return this.#remote.evaluateTree(request);
    const asked = engineRequest(request, { tree: request.resource }, this.#clock());
    if (!isFresh(held.freshness, this.#now())) {
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
    return this.#holding.status();
  }

  /** The held bundle, for synchronous use; its age is then the caller's business. */
  get bundle(): Bundle | undefined {
    return this.#holding.held?.bundle;
  }

  /**
   * Asks the server now: a notice, and the bundle if it is a newer one.
   *
   * @throws AssizeError when the server does not answer, or with something that is refused. The held bundle stays.
   */
  async refresh(): Promise<void> {
    await this.#holding.refresh();
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
    const holding = this.#holding;
    await holding.readCache().catch((error: unknown) => holding.report(error));
    const stale = holding.held === undefined || !isFresh(holding.held.freshness, this.#now());
    const asking = this.refresh();
    if (stale || this.#options.refresh === "demand") {
      await asking.catch((error: unknown) => holding.report(error));
    } else {
      // A fresh bundle from the cache decides at once, while the server is asked.
      asking.catch((error: unknown) => holding.report(error));
    }
    // Following never ends by itself: a start that failed has begun it already.
    if ((this.#options.refresh ?? "events") === "events" && !this.#isFollowing) {
      this.#isFollowing = true;
      void this.#follow(this.#stop.signal);
    }
    if (holding.held === undefined) {
      const cause = holding.lastError;
      const why = cause === undefined ? "" : `: ${cause.message}`;
      throw new BundleError("noBundle", `no bundle could be had from the server or the cache${why}`, { cause });
    }
  }

  /** The bundle to decide with, confirmed as recently as was asked for if the server can be reached. */
  async #current(): Promise<Held> {
    await this.ready();
    const patience = this.#options.confirmWithin ?? 1_000;
    // Whoever comes while the server is being asked waits for the same answer.
    const due = this.#confirming !== undefined || this.#holding.askedAgo >= patience;
    if (this.#options.refresh === "demand" && due) {
      this.#confirming ??= this.refresh()
        .catch((error: unknown) => this.#holding.report(error))
        .finally(() => (this.#confirming = undefined));
      const forget = (): void => void (this.#confirming = undefined);
      await within(this.#confirming, this.#timeout, forget).catch((error: unknown) => this.#holding.report(error));
    }
    // `ready` has seen to it.
    return this.#holding.held as Held;
  }

  #follow(signal: AbortSignal): Promise<void> {
    return follow(this.#publication, this.#holding, signal);
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
      this.#holding.report(error);
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
    const now = this.#now();
    const seconds = (milliseconds: number): number => Math.round(milliseconds / 1000);
    return {
      decisions: resources.map((resource) => denial(resource, now.wall)),
      effects: [],
      bundle: { digest: held.seal.digest, revision: held.seal.revision },
      denied: {
        code: "staleBundle",
        message: `the bundle was last confirmed ${seconds(ageOf(held.freshness, now))} s ago, ${seconds(held.freshness.maxAge)} s are allowed`,
      },
    };
  }
}
