/** Decisions by asking a server: AM's `policies?_action=evaluate` and `evaluateTree`, behind the same interface. */

import { Tree } from "../bundle/tree.js";
import type { Authorize } from "../client/publication.js";
import type { Decider } from "../decider.js";
import type { Answer, Decision, Explanation } from "../decision.js";
import { sharedGlue } from "../engine/engine.js";
import type { ModuleInput } from "../engine/module.js";
import { RemoteError } from "../errors.js";
import type { EvaluateRequest, EvaluateTreeRequest, Question } from "../request.js";

/** What a remote decider needs. */
export interface RemoteClientOptions {
  /** The server's deployment: `https://am.example.com/am`. */
  readonly url: string | URL;
  /** AM's path of the realm; `/` unless told. */
  readonly realm?: string;
  /** Proof that the caller may ask for decisions: `bearer(…)` or `session(…)`. */
  readonly authorize: Authorize;
  readonly fetch?: typeof fetch;
  /** Milliseconds to wait for an answer; 5000 unless told. */
  readonly timeout?: number;
  /** For trees, whose resources are decided here. */
  readonly module?: ModuleInput;
}

/** Largest number that AM writes for an unlimited ttl. */
const UNLIMITED = 2 ** 63;

/** A remote decider. Instant and zone are the server's own. */
export class RemoteClient implements Decider {
  readonly #options: RemoteClientOptions;
  readonly #policies: string;

  constructor(options: RemoteClientOptions) {
    this.#options = options;
    const realms = (options.realm ?? "/").split("/").filter((realm) => realm !== "");
    const path = ["root", ...realms].map((realm) => `/realms/${encodeURIComponent(realm)}`).join("");
    this.#policies = `${String(options.url).replace(/\/$/, "")}/json${path}/policies/`;
  }

  /** {@inheritDoc Decider.evaluate} */
  async evaluate(request: EvaluateRequest): Promise<Answer> {
    const decisions = await this.#ask("evaluate", { ...asked(request), resources: request.resources });
    // AM answers in its own order; each resource that was asked for has one decision.
    const known = new Map(decisions.map((decision) => [decision.resource, decision]));
    const ordered = [...new Set(request.resources)].map((resource) => {
      const decision = known.get(resource);
      if (decision === undefined) throw new RemoteError("badAnswer", `the server says nothing about ${resource}`);
      return decision;
    });
    return { decisions: ordered, effects: [] };
  }

  /** {@inheritDoc Decider.evaluateTree} */
  async evaluateTree(request: EvaluateTreeRequest): Promise<Tree> {
    const [decisions, glue] = await Promise.all([
      this.#ask("evaluateTree", { ...asked(request), resource: request.resource }),
      sharedGlue(this.#options.module),
    ]);
    return new Tree(request.resource, { decisions, effects: [] }, (root) => new glue.TreeRows(root));
  }

  /** AM's REST does not explain. */
  explain(): Promise<Explanation> {
    return Promise.reject(new RemoteError("unsupported", "a server does not explain over AM's REST: ask a local bundle"));
  }

  async #ask(action: string, body: object): Promise<Decision[]> {
    const url = `${this.#policies}?_action=${action}`;
    const first = await this.#send(url, body, false);
    const response = first.status === 401 ? await this.#send(url, body, true) : first;
    let answer: unknown;
    try {
      answer = await response.json();
    } catch (cause) {
      throw new RemoteError("badAnswer", `${url} answers ${response.status} without JSON`, { cause, status: response.status });
    }
    if (!response.ok) {
      const { message } = answer as { message?: unknown };
      const why = typeof message === "string" ? `: ${message}` : "";
      throw new RemoteError("refused", `${url} answers ${response.status}${why}`, { status: response.status });
    }
    if (!Array.isArray(answer)) throw new RemoteError("badAnswer", `${url} answers no list of decisions`);
    return answer.map((entry) => decision(entry, url));
  }

  async #send(url: string, body: object, refused: boolean): Promise<Response> {
    const headers = new Headers(await this.#options.authorize(refused));
    headers.set("content-type", "application/json");
    headers.set("accept-api-version", "resource=2.1");
    const fetcher = this.#options.fetch ?? ((input, init) => fetch(input, init));
    try {
      return await fetcher(url, {
        method: "POST",
        headers,
        body: JSON.stringify(body),
        redirect: "manual",
        signal: AbortSignal.timeout(this.#options.timeout ?? 5_000),
      });
    } catch (cause) {
      throw new RemoteError("unreachable", `${url} does not answer`, { cause });
    }
  }
}

/** The members of AM's body that both actions have. */
function asked({ policySet, subject, credential, environment }: Question): object {
  const whom: Record<string, unknown> = { ...credential };
  const claims = subject?.claims;
  if (claims !== undefined && !("jwt" in whom)) whom["claims"] = Array.isArray(claims) ? claims[0] : claims;
  return {
    ...(policySet === undefined ? {} : { application: policySet }),
    // Without a subject AM decides about the caller, which is not what was asked.
    subject: Object.keys(whom).length > 0 ? whom : { claims: { sub: subject?.principals?.[0] ?? "" } },
    ...(environment === undefined ? {} : { environment }),
  };
}

function decision(entry: unknown, url: string): Decision {
  const { resource, actions, attributes, advices, ttl } = (entry ?? {}) as Partial<Decision>;
  if (typeof resource !== "string" || typeof actions !== "object" || actions === null) {
    throw new RemoteError("badAnswer", `${url} answers something that is no decision`);
  }
  return {
    resource,
    actions,
    attributes: attributes ?? {},
    advices: advices ?? {},
    ttl: ttl === undefined || ttl >= UNLIMITED ? Infinity : ttl,
  };
}
