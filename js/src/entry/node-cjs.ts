/** Node and Bun by `require`: the module lies beside the ES modules. */

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { provideModule } from "../engine/module.js";

provideModule(() => readFileSync(join(__dirname, "../../esm/entry/assize.wasm")));

export * from "../index.js";
