/** `assize/script` in workers: compiling at run time is forbidden there, so script.wasm is imported, compiled, with the code. */

import module from "./script.wasm";
import { provideModule } from "../engine/module.js";
import { scriptModule } from "../script/resolver.js";

provideModule(() => module, scriptModule);

export * from "../script/index.js";
