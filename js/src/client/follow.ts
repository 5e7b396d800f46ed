/** Hearing of changes: a stream of events, or long polls where a stream does not come through; for ever, with pauses. */

import type { Publication } from "./publication.js";

/** Who hears. */
export interface Listener {
  /** The revision after which a notice is news. */
  revision(): number;
  /** Takes a notice. Rejects when it, or what it leads to, is refused. */
  hear(notice: string): Promise<void>;
  report(error: unknown): void;
}

/** Milliseconds before the first new try, doubled for each further one, and the most. */
const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 30_000;

/** After this many streams in a row without one event, long polls are tried; after as many of these, streams again. */
const TRIES = 2;

/** Follows until `signal` says so. Never rejects. */
export async function follow(publication: Publication, listener: Listener, signal: AbortSignal): Promise<void> {
  let failures = 0;
  while (!signal.aborted) {
    const polls = failures % (2 * TRIES) >= TRIES;
    try {
      for await (const notice of polls ? polled(publication, listener, signal) : publication.notices(signal)) {
        await listener.hear(notice).then(
          () => (failures = 0),
          (error: unknown) => {
            listener.report(error);
            throw new Refused();
          },
        );
      }
    } catch (error) {
      if (signal.aborted) return;
      failures += 1;
      if (!(error instanceof Refused)) listener.report(error);
    }
    await pause(failures, signal);
  }
}

/** What was heard is refused: the connection is begun anew, after a pause, instead of hammering on. */
class Refused extends Error {}

async function* polled(publication: Publication, listener: Listener, signal: AbortSignal): AsyncGenerator<string, void> {
  for (;;) yield await publication.nextNotice(listener.revision(), signal);
}

/** Waits longer after each failure, and never as long as everybody else does. */
async function pause(failures: number, signal: AbortSignal): Promise<void> {
  const longest = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.max(0, failures - 1));
  const milliseconds = longest / 2 + (Math.random() * longest) / 2;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
