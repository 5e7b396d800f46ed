/** A worker's bundler (wrangler, esbuild's `copy`) makes a compiled module of such an import. */
declare module "*.wasm" {
  const module: WebAssembly.Module;
  export default module;
}
