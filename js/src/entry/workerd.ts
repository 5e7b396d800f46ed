/** Workers: compiling at run time is forbidden there, so the module is imported, compiled, with the code. */

import module from "./assize.wasm";
import { provideModule } from "../engine/module.js";

provideModule(() => module);

export * from "../index.js";
