/** How old a bundle is, and whether it may still be decided with (DESIGN §4). */

import type { Notice, Seal } from "../bundle/sealed.js";

/** What is known about how fresh a held bundle is. Instants are epoch milliseconds. */
export interface Freshness {
  /** When its server last said, signed, that this revision is the newest; never after the instant at which that was heard. */
  readonly confirmedAt: number;
  /** The same as the server wrote it. */
  readonly instant: number;
  /** Milliseconds after which it is stale. */
  readonly maxAge: number;
  /** How old the confirmation was when it was heard, and when that was by the clock that nobody sets. */
  readonly heard: { readonly age: number; readonly uptime: number };
}

/** An instant on two clocks: one that may be set, and one that nobody sets. */
export interface Now {
  readonly wall: number;
  readonly uptime: number;
}

/** The clock of a client. Its own one, where it has one, is both. */
export function clockOf(own: (() => number) | undefined): () => Now {
  return () => {
    const wall = (own ?? Date.now)();
    const alone = own !== undefined || typeof performance === "undefined";
    return { wall, uptime: alone ? wall : Math.floor(performance.now()) };
  };
}

/** The freshness of a bundle that has just been verified. `maxAge` in seconds lowers what the seal allows, never raises it. */
export function freshnessOf(seal: Seal, maxAge: number | undefined, now: Now): Freshness {
  return { ...heard(seal.issuedAt, now), maxAge: Math.min(seal.maxAge, maxAge ?? Infinity) * 1000 };
}

/** The same after a notice. One about a newer revision does not make the older bundle younger. */
export function confirmed(freshness: Freshness, seal: Seal, notice: Notice, now: Now): Freshness {
  if (notice.revision !== seal.revision) return freshness;
  return later(freshness, { ...heard(notice.instant, now), maxAge: freshness.maxAge });
}

/** The later one of two confirmations of a bundle, with the second one's age limit. */
export function later(before: Freshness, after: Freshness): Freshness {
  // By the server's clock or by this one's: either may have been set back in between.
  const isLater = after.instant > before.instant || after.confirmedAt > before.confirmedAt;
  return isLater ? after : { ...before, maxAge: after.maxAge };
}

/** Milliseconds since the bundle was confirmed, by the clock that says more: one may be set back, the other stand still in sleep. */
export function ageOf(freshness: Freshness, now: Now): number {
  const { age, uptime } = freshness.heard;
  return Math.max(0, now.wall - freshness.confirmedAt, age + now.uptime - uptime);
}

/** Whether the bundle may be decided with. */
export function isFresh(freshness: Freshness, now: Now): boolean {
  return ageOf(freshness, now) <= freshness.maxAge;
}

function heard(instant: number, now: Now): Omit<Freshness, "maxAge"> {
  // A server whose clock runs ahead does not make a bundle younger than new.
  const confirmedAt = Math.min(instant, now.wall);
  return { confirmedAt, instant, heard: { age: now.wall - confirmedAt, uptime: now.uptime } };
}
