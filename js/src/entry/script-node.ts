/** `assize/script` in Node, Deno and Bun: script.wasm lies beside this file. */

import { readFileSync } from "node:fs";
import { provideModule } from "../engine/module.js";
import { scriptModule } from "../script/resolver.js";

provideModule(() => readFileSync(new URL("./script.wasm", import.meta.url)), scriptModule);

export * from "../script/index.js";
