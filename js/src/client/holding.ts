/** The bundle that a client holds: verified, no older than any seen before, as fresh as its server says, kept in a cache. */

import { type Bundle, bundleUnder } from "../bundle/bundle.js";
import { type Expected, type Notice, openSealed, readNotice, type Seal } from "../bundle/sealed.js";
import { AssizeError, BundleError, reasonOf } from "../errors.js";
import { compiledModule } from "../engine/module.js";
import { type KeySet, keySet } from "../jose/keys.js";
import type { Listener } from "./follow.js";
import { ageOf, clockOf, confirmed, type Freshness, freshnessOf, isFresh, later, type Now } from "./freshness.js";
import type { PolicyClientOptions, Status } from "./options.js";
import type { Publication } from "./publication.js";
import { within } from "./within.js";

/** A bundle, and all that is known of it. */
export interface Held {
  readonly bundle: Bundle;
  readonly seal: Seal;
  readonly sealed: Uint8Array;
  readonly freshness: Freshness;
  readonly source: "server" | "cache";
  readonly etag: string | undefined;
  readonly notice: string | undefined;
}

/** What is held, and how something newer takes its place. */
export class Holding implements Listener {
  readonly #options: PolicyClientOptions;
  readonly #publication: Publication;
  readonly #keys: KeySet;
  readonly #expected: Expected;
  readonly #clock: () => number;
  readonly #now: () => Now;
  readonly #timeout: number;
  /** After this nothing is reported any more. */
  readonly #stopped: AbortSignal;
  #held: Held | undefined;
  #floor: number;
  #lastError: AssizeError | undefined;
  /** When a notice was last asked for: the clock's milliseconds. */
  #asked = -Infinity;
  #downloading: Promise<void> | undefined;

  constructor(
    options: PolicyClientOptions,
    publication: Publication,
    expected: Expected,
    timeout: number,
    stopped: AbortSignal,
  ) {
    this.#options = options;
    this.#publication = publication;
    this.#keys = keySet(options.keys);
    this.#expected = expected;
    this.#clock = options.clock ?? Date.now;
    this.#now = clockOf(options.clock);
    this.#timeout = timeout;
    this.#stopped = stopped;
    this.#floor = options.floor ?? 0;
  }

  /** The bundle to decide with. */
  get held(): Held | undefined {
    return this.#held;
  }

  get lastError(): AssizeError | undefined {
    return this.#lastError;
  }

  /** Milliseconds since the server was last asked, or said of itself, how things are. */
  get askedAgo(): number {
    return this.#clock() - this.#asked;
  }

  /** How it stands. */
  status(): Status {
    const held = this.#held;
    const error = this.#lastError === undefined ? {} : { lastError: this.#lastError };
    if (held === undefined) return { state: "empty", floor: this.#floor, ...error };
    const now = this.#now();
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

  /** {@inheritDoc Listener.revision} */
  revision(): number {
    return Math.max(this.#floor, this.#held?.seal.revision ?? 0);
  }

  /** Asks the server for a notice, and for the bundle if it is a newer one. */
  async refresh(): Promise<void> {
    this.#asked = this.#clock();
    if (this.#held === undefined) return this.#download();
    await this.hear(await this.#publication.notice());
  }

  /**
   * Takes a notice, and the bundle if it tells of a newer one.
   *
   * @throws AssizeError with something that is refused. The held bundle stays.
   */
  async hear(jws: string): Promise<void> {
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
    const freshness = confirmed(held.freshness, held.seal, notice, this.#now());
    this.#lastError = undefined;
    if (freshness.heard === held.freshness.heard) return;
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
    const fresh = freshnessOf(seal, this.#options.maxAge, this.#now());
    this.#floor = Math.max(this.#floor, seal.revision);
    this.#held = {
      bundle,
      seal,
      sealed: answer.sealed,
      freshness: before?.bundle === bundle ? later(before.freshness, fresh) : fresh,
      source: "server",
      etag: answer.etag,
      notice: before?.bundle === bundle ? before.notice : undefined,
    };
    this.#lastError = undefined;
    if (before?.bundle !== bundle) this.#tell(() => this.#options.onChange?.(this.status()));
    await this.#writeCache();
  }

  /** Takes over what a process before this one left. */
  async readCache(): Promise<void> {
    const record = await this.#options.cache?.read(this.#publication.url);
    if (record === undefined) return;
    const { seal, content } = await openSealed(record.sealed, this.#keys, this.#expected, this.#options.module);
    if (seal.revision < (this.#options.floor ?? 0)) {
      throw new BundleError("olderRevision", `the cached revision ${seal.revision} is below the configured floor`);
    }
    const now = this.#now();
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
      .catch((error: unknown) => this.report(error));
  }

  /** Notes what went wrong, and tells of it. */
  report(error: unknown): void {
    if (this.#stopped.aborted) return;
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
