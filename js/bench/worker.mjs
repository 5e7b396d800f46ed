// The subjects in workerd. A worker's clock stands still while it computes: whoever asks measures. `POST /load?subject=…` takes
// the workload; `GET /decide?from=…&to=…` decides and counts what is wrong when `check` is given.

import * as assizeLibrary from "assize";
import cedarModule from "../node_modules/@cedar-policy/cedar-wasm/esm/cedar_wasm_bg.wasm";
import * as cedarLibrary from "../node_modules/@cedar-policy/cedar-wasm/esm/cedar_wasm_bg.js";
import * as subjects from "./subjects.mjs";

let loaded;
let cedarReady = false;

/** What a bundler's plug-in for wasm modules would do at the start. */
function cedar() {
  if (!cedarReady) {
    const instance = new WebAssembly.Instance(cedarModule, { "./cedar_wasm_bg.js": cedarLibrary });
    cedarLibrary.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start?.();
    cedarReady = true;
  }
  return cedarLibrary;
}

export default {
  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname === "/load") {
      const form = await request.formData();
      const workload = JSON.parse(await form.get("workload").text());
      workload.bundle = new Uint8Array(await form.get("bundle").arrayBuffer());
      const subject = searchParams.get("subject");
      loaded = await subjects[subject](subject === "cedar" ? cedar() : assizeLibrary, workload);
      loaded.decide(0);
      return new Response("loaded");
    }
    let wrong = 0;
    const check = searchParams.has("check");
    for (let i = Number(searchParams.get("from")); i < Number(searchParams.get("to")); i += 1) {
      const answer = loaded.decide(i);
      if (check && !loaded.isRight(i, answer)) wrong += 1;
    }
    return Response.json({ wrong });
  },
};
