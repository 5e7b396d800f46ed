/** Browsers, and every runtime that fetches: the module lies beside this file, where bundlers find it and move it along. */

import { provideModule } from "../engine/module.js";

provideModule(() => fetch(new URL("./assize.wasm", import.meta.url)));

export * from "../index.js";
