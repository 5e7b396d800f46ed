/** Where the one WebAssembly module comes from: the runtime's own way, or whatever the caller hands over. */

import { OptionsError } from "../errors.js";

/** A compiled module (edges accept nothing else), its bytes, or a response that brings them. */
export type ModuleSource = WebAssembly.Module | BufferSource | Response;

/** A source, now or soon. */
export type ModuleInput = ModuleSource | Promise<ModuleSource> | (() => ModuleSource | Promise<ModuleSource>);

let runtimesOwn: (() => ModuleSource | Promise<ModuleSource>) | undefined;
let compiled: Promise<WebAssembly.Module> | undefined;

/** Called once by the entry of each runtime: how the module is found there when nobody hands it over. */
export function provideModule(source: () => ModuleSource | Promise<ModuleSource>): void {
  runtimesOwn = source;
}

/** The compiled module; the runtime's own one is compiled once. */
export function compiledModule(input?: ModuleInput): Promise<WebAssembly.Module> {
  if (input !== undefined) return compile(input);
  if (compiled === undefined) {
    const source = runtimesOwn;
    if (source === undefined) {
      return Promise.reject(
        new OptionsError("this runtime does not know where the module lies: give it as the option `module`"),
      );
    }
    compiled = compile(source);
    // A failed download must not be remembered for ever.
    compiled.catch(() => (compiled = undefined));
  }
  return compiled;
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
