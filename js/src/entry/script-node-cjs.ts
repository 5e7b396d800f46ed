/** `assize/script` in Node and Bun by `require`: script.wasm lies beside the ES modules. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { provideModule } from "../engine/module.js";
import { scriptModule } from "../script/resolver.js";

provideModule(() => readFileSync(join(__dirname, "../../esm/entry/script.wasm")), scriptModule);

export * from "../script/index.js";
