/** Where the one WebAssembly module comes from: the runtime's own way, or whatever the caller hands over. */

import { OptionsError } from "../errors.js";

/** A compiled module (edges accept nothing else), its bytes, or a response that brings them. */
export type ModuleSource = WebAssembly.Module | BufferSource | Response;

/** A source, now or soon. */
export type ModuleInput = ModuleSource | Promise<ModuleSource> | (() => ModuleSource | Promise<ModuleSource>);

/** One of the package's modules, and how the runtime finds it. */
export interface ModulePlace {
  /** For errors. */
  readonly what: string;
  source?: () => ModuleSource | Promise<ModuleSource>;
  compiled?: Promise<WebAssembly.Module> | undefined;
}

const decisionModule: ModulePlace = { what: "the module" };

/** Called once by the entry of each runtime: how a module is found there when nobody hands it over. */
export function provideModule(
  source: () => ModuleSource | Promise<ModuleSource>,
  place: ModulePlace = decisionModule,
): void {
  place.source = source;
}

/** The compiled module; the runtime's own one is compiled once. */
export function compiledModule(
  input?: ModuleInput,
  place: ModulePlace = decisionModule,
): Promise<WebAssembly.Module> {
  if (input !== undefined) return compile(input);
  if (place.compiled === undefined) {
    if (place.source === undefined) {
      return Promise.reject(
        new OptionsError(`this runtime does not know where ${place.what} lies: give it as the option \`module\``),
      );
    }
    place.compiled = compile(place.source);
    // A failed download must not be remembered for ever.
    place.compiled.catch(() => (place.compiled = undefined));
  }
  return place.compiled;
}

async function compile(input: ModuleInput): Promise<WebAssembly.Module> {
  const source = await (typeof input === "function" ? input() : input);
  if (source instanceof WebAssembly.Module) return source;
  if (typeof Response === "function" && source instanceof Response) return compileResponse(source);
  if (source instanceof ArrayBuffer || ArrayBuffer.isView(source)) return new WebAssembly.Module(source as BufferSource);
  throw new OptionsError("`module` is neither a WebAssembly.Module, nor bytes, nor a Response");
}

async function compileResponse(response: Response): Promise<WebAssembly.Module> {
  if (!response.ok) {
    throw new OptionsError(`the module cannot be fetched: ${response.status} for ${response.url}`);
  }
  const isWasm = response.headers.get("content-type")?.startsWith("application/wasm") === true;
  return isWasm && typeof WebAssembly.compileStreaming === "function"
    ? WebAssembly.compileStreaming(response)
    : WebAssembly.compile(await response.arrayBuffer());
}
