/** Resolves script conditions where the decision is made, as the server would. */

import type { Externals, Need } from "../decision.js";
import type { OutsideResolver, Script, Scripts } from "../decider.js";
import { compiledModule, type ModuleInput, type ModulePlace } from "../engine/module.js";
import type { EngineRequest, External } from "../request.js";
import { checkScript, runScript, type ScriptInputs, type ScriptLogLevel, type ScriptSyntaxError } from "./sandbox.js";

export interface ScriptResolverOptions {
  /** Scripts beside those that came with the bundle, by their ids without regard to case; they come first. */
  readonly scripts?: Scripts;
  /** Who resolves what is no script (transactions). Without one they are undetermined. */
  readonly otherwise?: OutsideResolver;
  /** Told what scripts log, and of their errors. */
  readonly log?: (level: ScriptLogLevel, line: string, script: Script) => void;
  /** `script.wasm`, where the runtime's own way to it does not do. */
  readonly module?: ModuleInput;
}

/** Steps that all scripts of one request may take together. */
const STEPS_PER_REQUEST = 50_000_000;

/** Where each runtime finds `script.wasm`. */
export const scriptModule: ModulePlace = { what: "script.wasm" };

/** Runs the scripts that a decision asks for, each in an engine of its own. For the option `outside`. */
export class ScriptResolver implements OutsideResolver {
  readonly #scripts: ReadonlyMap<string, Script>;
  readonly #options: ScriptResolverOptions;

  constructor(options: ScriptResolverOptions = {}) {
    this.#options = options;
    this.#scripts = new Map(Object.entries(options.scripts ?? {}).map(([id, script]) => [id.toLowerCase(), script]));
  }

  async resolve(needs: readonly Need[], request: EngineRequest, scripts: Scripts = {}): Promise<Externals> {
    const externals: Record<string, External> = {};
    const others: Need[] = [];
    let steps = 0;
    const module = await compiledModule(this.#options.module, scriptModule);
    for (const need of needs) {
      if (need.type !== "Script") {
        others.push(need);
        continue;
      }
      const id = need.scriptId.toLowerCase();
      const script = this.#scripts.get(id) ?? (Object.hasOwn(scripts, id) ? scripts[id] : undefined);
      if (script === undefined) {
        externals[need.id] = { error: `there is no script ${need.scriptId}` };
      } else if (steps >= STEPS_PER_REQUEST) {
        // With fewer others it may have a result: nobody should keep this one.
        externals[need.id] = { error: "the request's scripts take too many steps together", ttl: 0 };
      } else {
        const run = runScript(module, script.source, inputs(script, need.resourceName, request));
        steps += run.steps;
        externals[need.id] = run.result;
        for (const [level, line] of run.log) this.#options.log?.(level, line, script);
        if ("error" in run.result) this.#options.log?.("error", run.result.error, script);
      }
    }
    const { otherwise } = this.#options;
    if (others.length > 0 && otherwise !== undefined) Object.assign(externals, await otherwise.resolve(others, request, scripts));
    return externals;
  }
}

/** What is wrong with a script's spelling; empty where it can be run. Nothing of it is. */
export async function validateScript(source: string, module?: ModuleInput): Promise<readonly ScriptSyntaxError[]> {
  return checkScript(await compiledModule(module, scriptModule), source);
}

function inputs(script: Script, resource: string, request: EngineRequest): ScriptInputs {
  const subject = request.subject ?? {};
  const claims = Array.isArray(subject.claims) ? subject.claims[0] : subject.claims;
  const sub: unknown = claims?.["sub"];
  return {
    now: request.now,
    resource,
    scriptName: script.name,
    username: subject.principals?.[0] ?? (typeof sub === "string" ? sub : undefined),
    environment: request.environment ?? {},
    session: subject.session,
    profile: subject.session === undefined ? undefined : subject.profile,
  };
}
