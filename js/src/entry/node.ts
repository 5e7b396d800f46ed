/** Node, Deno and Bun: the module lies beside this file. */

import { readFileSync } from "node:fs";
import { provideModule } from "../engine/module.js";

provideModule(() => readFileSync(new URL("./assize.wasm", import.meta.url)));

export * from "../index.js";
