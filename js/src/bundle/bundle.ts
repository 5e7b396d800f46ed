/** Loading a bundle, and deciding with it: synchronous, pure, without a network. */

import type { Answer, Explanation, Externals, Need, Needs } from "../decision.js";
import type { Script, Scripts } from "../decider.js";
import { BundleError, OptionsError, RequestError } from "../errors.js";
import { errorOf, LoadedBundle } from "../engine/engine.js";
import { compiledModule, type ModuleInput } from "../engine/module.js";
import { engineRequest, type EngineRequest, type EvaluateRequest, type EvaluateTreeRequest, type External, requestText } from "../request.js";
import { type KeySet, type JsonWebKeySet, keySet } from "../jose/keys.js";
import { type Expected, isSealed, openSealed, type Seal } from "./sealed.js";
import { Tree } from "./tree.js";

/** How a bundle is loaded. */
export interface LoadOptions extends Expected {
  /** The module; the runtime's own unless told. */
  readonly module?: ModuleInput;
  /**
   * The keys that a sealed bundle must be signed with: those of the server's `/.well-known/assize-bundle-keys`, pinned.
   * Required for a sealed bundle. Without keys only the bare bytes of a bundle are taken, whose origin the caller vouches
   * for.
   */
  readonly keys?: JsonWebKeySet | KeySet;
  /** The revision of a bare bundle, which does not say it itself; 0 unless told. */
  readonly revision?: number;
  /** The clock for requests without `now`: epoch milliseconds. */
  readonly clock?: () => number;
}

/**
 * Loads a bundle: sealed (as a server publishes it) or bare (as `assize bundle build` writes it).
 *
 * @throws BundleError when the signature, the digest, the realm, the name or the bytes are not as they must be.
 */
export async function loadBundle(source: BufferSource | Response, options: LoadOptions = {}): Promise<Bundle> {
  const bytes = await bytesOf(source);
  const module = await compiledModule(options.module);
  if (options.keys === undefined) {
    if (isSealed(bytes)) {
      throw new OptionsError("this bundle is sealed: give the keys that it must be signed with as `keys`");
    }
    return new Bundle(new LoadedBundle(module, bytes, options.revision ?? 0), options.revision ?? 0, options.clock);
  }
  const { seal, content } = await openSealed(bytes, keySet(options.keys), options, options.module);
  return bundleUnder(seal, content, module, options.clock);
}

/**
 * Loads the content of a sealed bundle whose signature holds.
 *
 * @throws BundleError when the content is not what the seal says.
 */
export function bundleUnder(
  seal: Seal,
  content: Uint8Array,
  module: WebAssembly.Module,
  clock?: () => number,
): Bundle {
  const loaded = new LoadedBundle(module, content, seal.revision);
  if (loaded.digest !== seal.digest || loaded.realm !== seal.realm) {
    throw new BundleError("badDigest", "the bundle's own digest or realm is not the signed one");
  }
  return new Bundle(loaded, seal.revision, clock);
}

/** A loaded, immutable bundle. */
export class Bundle {
  readonly revision: number;
  readonly #loaded: LoadedBundle;
  readonly #clock: () => number;
  #scripts: Scripts | undefined;

  /** @internal Use {@link loadBundle}. */
  constructor(loaded: LoadedBundle, revision: number, clock: () => number = Date.now) {
    this.#loaded = loaded;
    this.revision = revision;
    this.#clock = clock;
  }

  /** SHA-256 of the content, in hex. */
  get digest(): string {
    return this.#loaded.digest;
  }

  /** The realm whose policies these are. */
  get realm(): string {
    return this.#loaded.realm;
  }

  /** The scripts that its conditions run, by their ids in lower case, as far as they came with it. */
  get scripts(): Scripts {
    return (this.#scripts ??= readScripts(this.#loaded.scripts));
  }

  /** Bytes of memory that the module holds for this bundle. */
  get memoryBytes(): number {
    return this.#loaded.memoryBytes;
  }

  /** An engine request (contract §3) as JSON text, answered with JSON text (§4): the same bytes in every runtime. */
  evaluateText(request: string): string {
    if (typeof request !== "string") throw new RequestError("badRequest", "the request is no text", "");
    return this.#loaded.answer(request);
  }

  /**
   * Decisions for some resources. Conditions that need the outside (scripts, transactions) are undetermined here, so that
   * they allow nothing: see {@link ask}, or a `PolicyClient` with a resolver.
   *
   * @throws RequestError
   */
  evaluate(request: EvaluateRequest): Answer {
    return this.#decided(engineRequest(request, { resources: request.resources }, this.#clock()));
  }

  /**
   * Decisions for a resource and all that lies beneath it.
   *
   * @throws RequestError
   */
  evaluateTree(request: EvaluateTreeRequest): Tree {
    return this.tree(request.resource, this.#decided(engineRequest(request, { tree: request.resource }, this.#clock())));
  }

  /**
   * Why the decisions are what they are.
   *
   * @throws RequestError
   */
  explain(request: EvaluateRequest | EvaluateTreeRequest): Explanation {
    const target = "resources" in request ? { resources: request.resources } : { tree: request.resource };
    const answer = this.#decided(engineRequest(request, { ...target, explain: true }, this.#clock()));
    return answer.explanation ?? { resources: [], text: "" };
  }

  /**
   * One step of the engine: decisions, or what it needs from outside. Resolve the needs, put the results into
   * `externals`, and ask again.
   *
   * @throws RequestError
   */
  ask(request: EngineRequest): Answer | Needs {
    const answer = parsed(this.evaluateText(requestText(request)));
    const error = errorOf(answer);
    if (error !== undefined) throw error;
    return answer;
  }

  /** An answer as a tree whose resources can be decided. */
  tree(root: string, answer: Answer): Tree {
    return new Tree(root, answer, (name) => this.#loaded.treeRows(name));
  }

  #decided(request: EngineRequest): Answer {
    const first = this.ask(request);
    if (!("needs" in first)) return first;
    const again = this.ask(withExternals(request, first.needs, {}));
    // Every need has a result now.
    return again as Answer;
  }
}

/** `[[id, name, source], …]`, as the server writes it; anything else is no script. */
function readScripts(text: string): Scripts {
  let list: unknown = [];
  try {
    if (text !== "") list = JSON.parse(text);
  } catch {
    // What nobody signed may hold anything here: then there are no scripts, and their conditions are undetermined.
  }
  const scripts: Record<string, Script> = Object.create(null);
  for (const entry of Array.isArray(list) ? list : []) {
    const [id, name, source] = Array.isArray(entry) ? (entry as unknown[]) : [];
    if (typeof id === "string" && typeof name === "string" && typeof source === "string") {
      scripts[id.toLowerCase()] = { name, source };
    }
  }
  return scripts;
}

/** A request with the results that are there; the other needs fail, so that they are undetermined. */
export function withExternals(request: EngineRequest, needs: readonly Need[], results: Externals): EngineRequest {
  const externals: Record<string, External> = { ...request.externals };
  for (const { id, type } of needs) {
    externals[id] = results[id] ?? { error: `nothing here resolves a ${type} condition` };
  }
  return { ...request, externals };
}

/**
 * JSON has no word for an unlimited ttl: `Infinity` (contract §4). Nothing else in an answer is a number under that name,
 * and text cannot hold this: its quotes would be escaped.
 */
function parsed(answer: string): Answer | Needs {
  return JSON.parse(answer.replaceAll('"ttl":9223372036854775807', '"ttl":1e999')) as Answer | Needs;
}

async function bytesOf(source: BufferSource | Response): Promise<Uint8Array> {
  if (source instanceof ArrayBuffer) return new Uint8Array(source);
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
  if (typeof Response === "function" && source instanceof Response) {
    if (!source.ok) throw new BundleError("noBundle", `the bundle cannot be fetched: ${source.status} for ${source.url}`);
    return new Uint8Array(await source.arrayBuffer());
  }
  throw new OptionsError("a bundle is bytes or a Response");
}
