/** Decision logs. */

import type { BundleMark, Decision } from "../decision.js";
import type { ErrorCode } from "../errors.js";

/** One decision of an enforcement point. It holds no token, and nothing of the request but what was decided about. */
export interface DecisionRecord {
  /** When it was made: epoch milliseconds. */
  readonly instant: number;
  readonly outcome: "allowed" | "denied" | "refused";
  /** Who asked; absent for nobody. */
  readonly caller?: string;
  readonly action: string;
  readonly resource: string;
  readonly policySet?: string;
  /** What would have allowed it. */
  readonly advices?: Decision["advices"];
  /** Which bundle decided; absent where a server did. */
  readonly bundle?: BundleMark;
  /** Why it could not be decided: the request was refused then. */
  readonly error?: { readonly code: ErrorCode | "unexpected"; readonly message: string };
  /** Milliseconds from the request to the decision, finding the subject included. */
  readonly took: number;
}

/** Takes records. What it throws is dropped: a log must not decide. */
export type DecisionSink = (record: DecisionRecord) => void | Promise<void>;

/** One line of JSON for each record, on the console unless told. */
export function jsonLines(write: (line: string) => void = (line) => console.log(line)): DecisionSink {
  return (record) => write(JSON.stringify(record));
}

/** Collects records and hands them on together, at the latest after some milliseconds. `flush` hands on what is there. */
export function batched(
  send: (records: readonly DecisionRecord[]) => void | Promise<void>,
  { size = 100, milliseconds = 1_000 }: { readonly size?: number; readonly milliseconds?: number } = {},
): DecisionSink & { flush(): Promise<void> } {
  let records: DecisionRecord[] = [];
  let timer: ReturnType<typeof setTimeout> | undefined;
  const flush = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    const batch = records;
    records = [];
    if (batch.length > 0) await send(batch);
  };
  const sink = (record: DecisionRecord): void | Promise<void> => {
    records.push(record);
    if (records.length >= size) return flush();
    timer ??= setTimeout(() => void flush().catch(() => undefined), milliseconds);
  };
  return Object.assign(sink, { flush });
}
