/** `assize/script` in browsers: script.wasm lies beside this file, where bundlers find it and move it along. */

import { provideModule } from "../engine/module.js";
import { scriptModule } from "../script/resolver.js";

provideModule(() => fetch(new URL("./script.wasm", import.meta.url)), scriptModule);

export * from "../script/index.js";
