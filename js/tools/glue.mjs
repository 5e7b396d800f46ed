// wasm-bindgen's JavaScript is a file with one instance in it. A trap leaves an instance unusable, and a newer bundle is
// to have a fresh one: so the same text becomes the body of a function that makes as many as are wanted.

const START = "async function __wbg_load(";
const NEXT = "function initSync(";
const AFTER = "let __wbg_init_promise;";

/** The glue's text as `function instantiate(module) { … }`. */
export function factory(glue) {
  const [start, next, after] = [START, NEXT, AFTER].map((marker) => {
    const at = glue.indexOf(marker);
    if (at < 0 || glue.indexOf(marker, at + 1) >= 0) throw new Error(`wasm-bindgen's glue no longer holds one \`${marker}\``);
    return at;
  });
  // Fetching and compiling are this package's own business: `engine/module.ts`.
  const body = (glue.slice(0, start) + glue.slice(next, after))
    .replace(/^\/\* @ts-self-types=.*\*\/\n/, "")
    .replace(/^export (class|function) /gm, "$1 ");
  if (/^\s*(export|import)\b/m.test(body) || body.includes("import.meta")) {
    throw new Error("wasm-bindgen's glue exports or imports in a way that this script does not know");
  }
  return `function instantiate(module) {
${body}
initSync({ module });
return { Bundle, TreeRows, buildId, version, verifyEd25519, sha256, memoryBytes: () => wasm.memory.buffer.byteLength };
}
`;
}
