/** One instance of the module, and what to do when it traps. */

import { BundleError, EngineError, RequestError, type RequestErrorCode } from "../errors.js";
import { type Glue, type GlueBundle, type GlueTreeRows, instantiate } from "./glue.js";
import { compiledModule, type ModuleInput } from "./module.js";

/** Which engine gave an answer. */
export interface EngineMark {
  readonly version: string;
  /** SHA-256, in hex, of the module with the place of this very id left blank: the same on the server and here. */
  readonly build: string;
}

/**
 * A bundle in an instance of its own, as the server does it: when a newer bundle takes its place, the memory goes with it,
 * and a trap costs nobody else anything.
 */
export class LoadedBundle {
  readonly #module: WebAssembly.Module;
  readonly #bytes: Uint8Array;
  readonly #revision: number;
  #instance: { readonly glue: Glue; readonly bundle: GlueBundle } | undefined;
  readonly digest: string;
  readonly realm: string;
  /** The JSON text of the scripts that came with it; empty where there are none. */
  readonly scripts: string;

  constructor(module: WebAssembly.Module, bytes: Uint8Array, revision: number) {
    this.#module = module;
    this.#bytes = bytes;
    this.#revision = revision;
    const { bundle } = this.#live();
    this.digest = bundle.digest;
    this.realm = bundle.realm;
    this.scripts = bundle.scripts;
  }

  /** Answers an engine request given as JSON text with JSON text: the same bytes in every runtime. */
  answer(request: string): string {
    return this.#guarded(() => this.#live().bundle.evaluateText(request));
  }

  /** The rows of a tree; see `TreeRows` of the module. */
  treeRows(root: string): GlueTreeRows {
    return this.#guarded(() => new (this.#live().glue.TreeRows)(root));
  }

  /** Bytes of linear memory that the instance has taken. */
  get memoryBytes(): number {
    return this.#live().glue.memoryBytes();
  }

  #live(): { readonly glue: Glue; readonly bundle: GlueBundle } {
    if (this.#instance === undefined) {
      const glue = instantiate(this.#module);
      this.#instance = { glue, bundle: load(glue, this.#bytes, this.#revision) };
    }
    return this.#instance;
  }

  #guarded<T>(call: () => T): T {
    try {
      return call();
    } catch (thrown) {
      if (!isTrap(thrown)) throw thrown;
      // INVARIANT: an instance that trapped answers nothing any more.
      this.#instance = undefined;
      throw new EngineError(thrown);
    }
  }
}

/** The version and build id of the module that this package carries, or of the one given. */
export async function engine(module?: ModuleInput): Promise<EngineMark> {
  const glue = await sharedGlue(module);
  return { version: glue.version(), build: glue.buildId() };
}

let shared: Promise<Glue> | undefined;

/** An instance without a bundle, for signatures and trees. */
export function sharedGlue(module?: ModuleInput): Promise<Glue> {
  if (module !== undefined) return compiledModule(module).then(instantiate);
  shared ??= compiledModule().then(instantiate);
  shared.catch(() => (shared = undefined));
  return shared;
}

/** The error that an engine's answer carries, if it does. */
export function errorOf(answer: unknown): RequestError | undefined {
  const error = (answer as { error?: { code: RequestErrorCode; message: string; path: string } }).error;
  return error === undefined ? undefined : new RequestError(error.code, error.message, error.path);
}

function load(glue: Glue, bytes: Uint8Array, revision: number): GlueBundle {
  try {
    return glue.Bundle.load(bytes, revision);
  } catch (thrown) {
    if (isTrap(thrown)) throw new EngineError(thrown);
    throw new BundleError("badBundle", messageIn(thrown), { cause: thrown });
  }
}

/** The module reports a bad bundle as an error whose message is an answer of the engine. */
function messageIn(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  try {
    return (JSON.parse(text) as { error: { message: string } }).error.message;
  } catch {
    return text;
  }
}

/** Memory or the stack ran out, or the module met what it holds impossible. */
function isTrap(thrown: unknown): boolean {
  return thrown instanceof WebAssembly.RuntimeError || thrown instanceof RangeError;
}
