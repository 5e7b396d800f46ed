/** The enforcement point itself, whatever the framework: request in, verdict out. */

import type { WaitUntil } from "../client/policy-client.js";
import type { Decider } from "../decider.js";
import { allows, type Answer, type Decision, type Effect } from "../decision.js";
import { OptionsError } from "../errors.js";
import type { Environment } from "../request.js";
import type { Incoming } from "./incoming.js";
import type { DecisionRecord, DecisionSink } from "./log.js";
import { type AdviceForm, forbidden, loggedError, type Refusal, refusalOf, unauthorized, unavailable } from "./refusal.js";
import type { Caller, SubjectSource } from "./subject.js";
import { type Reading, readTarget } from "./target.js";

/** How requests are turned into questions, and denials into answers. */
export interface EnforcerOptions {
  /** A `PolicyClient` or a `RemoteClient`. */
  readonly decider: Decider;
  /** Who asks: `jwtSubject(…)`, `sessionSubject(…)`, or several by `anyOf(…)`. */
  readonly subject: SubjectSource;
  /** The scheme and authority that policies name this site by: `https://www.example.com`. Never taken from the request, whose `Host` its sender chooses. */
  readonly origin: string;
  /** The policy set; AM's default one unless told. */
  readonly policySet?: string;
  /** How the server behind reads paths. */
  readonly reading?: Reading;
  /** The action; the method unless told. */
  readonly action?: (request: Incoming) => string;
  /** The resource, for policies that name something else than URLs; gets the path and query that were decided safe. */
  readonly resource?: (request: Incoming, pathAndQuery: string) => string;
  /** Facts for conditions, beside `requestIp` and `TxId`. */
  readonly environment?: (request: Incoming) => Environment;
  /** A request without any proof is refused with 401 (unless told), or decided about a subject of whom nothing is known. */
  readonly anonymous?: "refused" | "decided";
  readonly advice?: AdviceForm;
  /**
   * Carries out what a decision asks for, such as ending the session. A server does so by itself; here it is for subjects whose
   * session facts the application supplies. It is waited for, and what it throws refuses the request.
   */
  readonly effects?: (effects: readonly Effect[], caller: Caller | undefined) => void | Promise<void>;
  /** Takes a record of each decision. */
  readonly log?: DecisionSink;
  readonly clock?: () => number;
}

/** What came of a request. */
export type Verdict = Allowed | Denied;

/** The application may go on. */
export interface Allowed {
  readonly allowed: true;
  readonly caller: Caller | undefined;
  /** With response attributes for the application. */
  readonly decision: Decision;
}

/** The application must not see the request. */
export interface Denied {
  readonly allowed: false;
  readonly caller: Caller | undefined;
  /** Absent where nothing was decided. */
  readonly decision?: Decision;
  readonly refusal: Refusal;
}

/** An enforcement point. */
export class Enforcer {
  readonly #options: EnforcerOptions;
  readonly #clock: () => number;

  constructor(options: EnforcerOptions) {
    if (options.resource === undefined && !/^[a-z][a-z0-9+.-]*:\/\/[^/?#@\s]+$/i.test(options.origin)) {
      throw new OptionsError("`origin` is a scheme and an authority, without a path: https://www.example.com");
    }
    this.#options = options;
    this.#clock = options.clock ?? Date.now;
  }

  /** Decides about a request. Never rejects: what cannot be decided is denied. */
  async check(request: Incoming, context?: WaitUntil): Promise<Verdict> {
    const begun = this.#clock();
    let action = request.method;
    let caller: Caller | undefined;
    let resource = request.target;
    try {
      action = this.#action(request);
      const target = readTarget(request.target, this.#options.reading);
      resource = this.#options.resource?.(request, target.resource) ?? `${this.#options.origin}${target.resource}`;
      caller = await this.#options.subject(request);
      if (caller === undefined && this.#options.anonymous !== "decided") {
        this.#log(context, begun, { outcome: "refused", action, resource });
        return { allowed: false, caller, refusal: unauthorized(undefined) };
      }
      const answer = await this.#options.decider.evaluate({
        ...(this.#options.policySet === undefined ? {} : { policySet: this.#options.policySet }),
        resources: [resource],
        subject: caller?.subject ?? {},
        ...(caller === undefined ? {} : { credential: caller.credential }),
        environment: this.#environment(request, target.own.get("_txid")),
      });
      if (answer.effects.length > 0) await this.#options.effects?.(answer.effects, caller);
      return this.#verdict(answer, { caller, action, resource, context, begun });
    } catch (error) {
      this.#log(context, begun, { outcome: "refused", action, resource, error: loggedError(error) }, caller);
      return { allowed: false, caller, refusal: refusalOf(error) };
    }
  }

  #verdict(
    answer: Answer,
    about: { caller: Caller | undefined; action: string; resource: string; context: WaitUntil | undefined; begun: number },
  ): Verdict {
    const { caller, action, resource, context, begun } = about;
    const [decision] = answer.decisions;
    const mark = answer.bundle === undefined ? {} : { bundle: answer.bundle };
    if (decision === undefined || answer.denied !== undefined) {
      const error = answer.denied ?? ({ code: "badAnswer", message: "no decision" } as const);
      this.#log(context, begun, { outcome: "refused", action, resource, error, ...mark }, caller);
      return { allowed: false, caller, refusal: unavailable("The policies held here are too old to decide with.") };
    }
    if (allows(decision, action)) {
      this.#log(context, begun, { outcome: "allowed", action, resource, ...mark }, caller);
      return { allowed: true, caller, decision };
    }
    const advices = Object.keys(decision.advices).length > 0 ? { advices: decision.advices } : {};
    this.#log(context, begun, { outcome: "denied", action, resource, ...advices, ...mark }, caller);
    return { allowed: false, caller, decision, refusal: forbidden(decision, this.#options.advice) };
  }

  #action(request: Incoming): string {
    return this.#options.action?.(request) ?? request.method.toUpperCase();
  }

  #environment(request: Incoming, fromUrl: string | undefined): Environment {
    const transaction = fromUrl ?? request.header("x-txid");
    return {
      ...(request.ip === undefined ? {} : { requestIp: [request.ip] }),
      ...(transaction === undefined || transaction === "" ? {} : { TxId: [transaction] }),
      ...this.#options.environment?.(request),
    };
  }

  #log(
    context: WaitUntil | undefined,
    begun: number,
    record: Omit<DecisionRecord, "instant" | "took" | "caller" | "policySet">,
    caller?: Caller,
  ): void {
    const { log, policySet } = this.#options;
    if (log === undefined) return;
    const whole: DecisionRecord = {
      instant: begun,
      ...record,
      ...(caller === undefined ? {} : { caller: caller.id }),
      ...(policySet === undefined ? {} : { policySet }),
      took: this.#clock() - begun,
    };
    try {
      const written = log(whole);
      if (written === undefined) return;
      const settled = written.catch(() => undefined);
      context?.waitUntil(settled);
    } catch {
      // A log that fails must neither allow nor deny.
    }
  }
}
