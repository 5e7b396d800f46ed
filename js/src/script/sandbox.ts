/** `script.wasm`: one JavaScript engine that runs one policy script and is thrown away. The same bytes as the server's. */

import type { External } from "../request.js";

/** What a script is told; `session` and `profile` are missing where there is no session. */
export interface ScriptInputs {
  readonly now: number;
  readonly resource: string;
  readonly scriptName: string;
  readonly username?: string | undefined;
  readonly environment: { readonly [key: string]: readonly string[] };
  readonly session?: { readonly [property: string]: string } | undefined;
  readonly profile?: { readonly [attribute: string]: readonly string[] } | undefined;
}

/** How much a line that a script logged matters. */
export type ScriptLogLevel = "error" | "warning" | "message";

/** What came of a script. */
export interface ScriptRun {
  readonly result: External;
  /** Steps that it took. */
  readonly steps: number;
  readonly log: readonly (readonly [ScriptLogLevel, string])[];
}

/** Where a script cannot be parsed; line and column count from 1, and are 0 where no place is known. */
export interface ScriptSyntaxError {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** Why there is no answer; with a ttl of 0 where the machine is at fault, and the next attempt may have one. */
interface Failure {
  readonly error: string;
  readonly ttl?: number;
}

interface Exports {
  readonly memory: WebAssembly.Memory;
  readonly assize_fault: WebAssembly.Global<"i32">;
  readonly assize_steps: WebAssembly.Global<"i32">;
  assize_script_input(size: number): number;
  /** The instant, then lengths in bytes: of what was written one after the other. */
  assize_script_run(now: number, ...lengths: number[]): number;
  assize_script_check(script: number): number;
}

/** What the module's counters end a run with: the server's words. */
const FAULTS: { readonly [fault: number]: string } = {
  1: "the script takes too many steps",
  2: "the script's calls are nested too deeply",
  3: "the script needs too much memory",
};
const BROKEN = "the script broke its engine";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Runs a script in an engine of its own. Never throws: whatever goes wrong is a script error. */
export function runScript(module: WebAssembly.Module, source: string, inputs: ScriptInputs): ScriptRun {
  // Every request that the decision module takes has one.
  if (!Number.isSafeInteger(inputs.now)) return { result: { error: "the request has no instant" }, steps: 0, log: [] };
  const { answer, steps } = called(module, source, inputs);
  if (typeof answer !== "string") return { result: answer, steps, log: [] };
  try {
    const { result, log } = JSON.parse(answer) as { result: External; log: ScriptRun["log"] };
    return { result: sound(result), steps, log };
  } catch {
    return { result: { error: "the script spoilt its own answer" }, steps, log: [] };
  }
}

/** What is wrong with a script's spelling; nothing of it is run. */
export function checkScript(module: WebAssembly.Module, source: string): readonly ScriptSyntaxError[] {
  const { answer } = called(module, source);
  if (typeof answer !== "string") return [{ line: 0, column: 0, message: answer.error }];
  return (JSON.parse(answer) as { errors: readonly ScriptSyntaxError[] }).errors;
}

function called(
  module: WebAssembly.Module,
  source: string,
  inputs?: ScriptInputs,
): { readonly answer: string | Failure; readonly steps: number } {
  let exports: Exports;
  try {
    // INVARIANT: the module imports nothing, so there is nothing that a script could reach.
    exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  } catch (error) {
    return { answer: { error: `the script engine could not be started: ${String(error)}`, ttl: 0 }, steps: 0 };
  }
  const most = exports.assize_steps.value;
  const steps = (): number => most - Math.max(exports.assize_steps.value, 0);
  try {
    const parts = [source, ...(inputs === undefined ? [] : told(inputs))].map((text) => encoder.encode(text));
    const lengths = parts.map((part) => part.length);
    const size = lengths.reduce((sum, length) => sum + length, 0);
    let at = exports.assize_script_input(size);
    const memory = new Uint8Array(exports.memory.buffer);
    for (const part of parts) {
      memory.set(part, at);
      at += part.length;
    }
    // So the module is told that there is no username.
    if (inputs !== undefined && inputs.username === undefined) lengths[USERNAME] = -1;
    const record =
      inputs === undefined
        ? exports.assize_script_check(size)
        : exports.assize_script_run(inputs.now, ...lengths);
    const words = new DataView(exports.memory.buffer, record, 8);
    const answer = new Uint8Array(exports.memory.buffer, words.getUint32(0, true), words.getUint32(4, true));
    return { answer: decoder.decode(answer), steps: steps() };
  } catch {
    return { answer: { error: FAULTS[exports.assize_fault.value] ?? BROKEN }, steps: steps() };
  }
}

/** What a script is told, in the module's order: behind the script itself. */
function told({ resource, scriptName, username, environment, session, profile }: ScriptInputs): readonly string[] {
  const known =
    session === undefined ? "" : JSON.stringify({ session: sorted(session), profile: profile && sorted(profile) });
  const given = Object.keys(environment).length === 0 ? "" : JSON.stringify(sorted(environment));
  return [resource, scriptName, username ?? "", given, known];
}

/** The same members in the server's order, that of code points: a script can see in which order there are keys. */
function sorted<T>(members: { readonly [name: string]: T }): { readonly [name: string]: T } {
  return Object.fromEntries(Object.entries(members).sort(([a], [b]) => byCodePoint([...a], [...b])));
}

function byCodePoint(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((character, place) => character !== b[place]);
  if (at < 0) return a.length - b.length;
  return (a[at]?.codePointAt(0) ?? -1) - (b[at]?.codePointAt(0) ?? -1);
}

/** Where the username stands among what the module takes. */
const USERNAME = 3;

/** The ttl of what holds for ever; the module says 2⁶³ − 1, which a number cannot tell from this. */
const UNLIMITED = 2 ** 63;

/** Believes nothing: the answer was put together where the script ran. */
function sound(result: External): External {
  if ("error" in result) {
    if (typeof result.error === "string" && Object.keys(result).length === 1) return result;
  } else {
    const { satisfied, advices, attributes, ttl, ...others } = result;
    const isWhole = typeof ttl === "number" && Number.isInteger(ttl) && ttl >= 0 && ttl <= UNLIMITED;
    if (typeof satisfied === "boolean" && lists(advices) && lists(attributes) && isWhole && Object.keys(others).length === 0) {
      // An unlimited ttl is one that is not there.
      return ttl === UNLIMITED ? { satisfied, advices, attributes } : result;
    }
  }
  throw new TypeError("no result of a script");
}

function lists(value: unknown): value is { readonly [name: string]: readonly string[] } {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((list) => Array.isArray(list) && list.every((item) => typeof item === "string"))
  );
}
