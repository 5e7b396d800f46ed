/**
 * What wasm-bindgen's JavaScript offers. The file itself is staged from the build of the module (`cargo xtask package`):
 * the same JavaScript, inside a function, so that a module can be instantiated more than once.
 */

export interface Glue {
  readonly Bundle: { load(bytes: Uint8Array, revision: number): GlueBundle };
  readonly TreeRows: new (root: string) => GlueTreeRows;
  buildId(): string;
  version(): string;
  verifyEd25519(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean;
  sha256(bytes: Uint8Array): Uint8Array;
  /** Bytes of linear memory taken so far. */
  memoryBytes(): number;
}

export interface GlueBundle {
  readonly digest: string;
  readonly realm: string;
  readonly scripts: string;
  readonly revision: number;
  evaluateText(request: string): string;
  free(): void;
}

export interface GlueTreeRows {
  add(pattern: string): void;
  covering(resource: string): Uint32Array | undefined;
  free(): void;
}

export function instantiate(module: WebAssembly.Module): Glue;
