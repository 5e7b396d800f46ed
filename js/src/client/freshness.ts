/** How old a bundle is, and whether it may still be decided with (DESIGN §4). */

import type { Notice, Seal } from "../bundle/sealed.js";

/** What is known about how fresh a held bundle is. All instants are epoch milliseconds. */
export interface Freshness {
  /** When its server last said, signed, that this revision is the newest. */
  readonly confirmedAt: number;
  /** Milliseconds after which it is stale. */
  readonly maxAge: number;
}

/** The freshness of a bundle that has just been verified. `maxAge` in seconds lowers what the seal allows, never raises it. */
export function freshnessOf(seal: Seal, maxAge: number | undefined, now: number): Freshness {
  return {
    // A server whose clock runs ahead does not make a bundle younger than new.
    confirmedAt: Math.min(seal.issuedAt, now),
    maxAge: Math.min(seal.maxAge, maxAge ?? Infinity) * 1000,
  };
}

/** The same after a notice. One about a newer revision does not make the older bundle younger. */
export function confirmed(freshness: Freshness, seal: Seal, notice: Notice, now: number): Freshness {
  if (notice.revision !== seal.revision) return freshness;
  return { ...freshness, confirmedAt: Math.max(freshness.confirmedAt, Math.min(notice.instant, now)) };
}

/** Milliseconds since the bundle was confirmed. */
export function ageOf(freshness: Freshness, now: number): number {
  return Math.max(0, now - freshness.confirmedAt);
}

/** Whether the bundle may be decided with. */
export function isFresh(freshness: Freshness, now: number): boolean {
  return ageOf(freshness, now) <= freshness.maxAge;
}
