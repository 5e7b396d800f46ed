/** What is asked of the engine (contract §3), and of everything that decides as it does. */

/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [member: string]: Json };

/** The claims of one token. */
export type Claims = { readonly [claim: string]: Json };

/**
 * What is known about whom a decision is about. Each member is optional: what is absent is unknown, and what cannot be
 * known never allows. Empty `groups` or `profile` means known to be empty.
 */
export interface Subject {
  /** Universal ids, such as `id=ann,ou=user,dc=openam,dc=example,dc=org`. */
  readonly principals?: readonly string[];
  /** Universal ids of the groups that the subject is a member of. */
  readonly groups?: readonly string[];
  /** AM's session properties: `AuthLevel`, `AuthType`, `Service`, `Organization`, `authInstant` and others. */
  readonly session?: { readonly [property: string]: string };
  /** The address that the session was made from. */
  readonly clientIp?: string;
  /** Attributes of the user's entry, each with its values. */
  readonly profile?: { readonly [attribute: string]: readonly string[] };
  /** The groups of other identities that the environment names. */
  readonly memberships?: { readonly [identity: string]: readonly string[] };
  /** The claims of a verified token; an array where several tokens speak for the subject. */
  readonly claims?: Claims | readonly Claims[];
}

/** Facts about the request: `requestIp`, `requestDnsName`, `requestTime`, `scope`, `TxId` and whatever policies name. */
export type Environment = { readonly [key: string]: readonly string[] };

/** The result of one outside condition: what it came to, or that it failed. */
export type External =
  | {
      readonly satisfied: boolean;
      readonly advices?: { readonly [name: string]: readonly string[] };
      readonly attributes?: { readonly [name: string]: readonly string[] };
      /** Epoch milliseconds until which the result holds. */
      readonly ttl?: number;
    }
  | {
      readonly error: string;
      /** Epoch milliseconds until which the failure lasts: 0 for one that may be over at the next attempt. */
      readonly ttl?: number;
    };

/** What every kind of question has in common. */
export interface Question {
  /** The policy set that is asked; `iPlanetAMWebAgentService` unless told. */
  readonly policySet?: string;
  readonly subject?: Subject | null;
  readonly environment?: Environment;
  /** Epoch milliseconds; the clock's unless told. */
  readonly now?: number;
  /** IANA zone for policies that name none; UTC unless told. */
  readonly timeZone?: string;
  /** Results of outside conditions that have been resolved already, by the ids of the needs. */
  readonly externals?: { readonly [id: string]: External };
  /**
   * Proof that a server can look the subject up by. The engine never sees it; it travels only where a question goes to a
   * server (`RemoteClient`).
   */
  readonly credential?: Credential;
}

/** A session token or a JWT, as it came from the user. */
export type Credential = { readonly ssoToken: string } | { readonly jwt: string };

/** May the subject act on these resources? */
export interface EvaluateRequest extends Question {
  readonly resources: readonly string[];
}

/** What may the subject do at and beneath this resource? */
export interface EvaluateTreeRequest extends Question {
  readonly resource: string;
}

/**
 * The engine request (contract §3) for a question. Members that are none of a question's go along: the engine refuses them
 * by name, so that a misspelt one is no silent deny.
 */
export function engineRequest(question: Question, target: EngineTarget, now: number): EngineRequest {
  const { credential, resources, resource, ...asked } = question as Question & Partial<EvaluateRequest & EvaluateTreeRequest>;
  return { ...asked, ...target, now: question.now ?? now };
}

/** Resources, or the root of a tree; and whether to say why. */
export type EngineTarget = ({ readonly resources: readonly string[] } | { readonly tree: string }) & {
  readonly explain?: boolean;
};

/** The text of an engine request. JSON has no word for an unlimited `ttl`, which goes without saying there. */
export function requestText(request: EngineRequest): string {
  const { externals } = request ?? {};
  if (externals === undefined || externals === null) return JSON.stringify(request) ?? "";
  const limited: Record<string, External> = {};
  for (const [id, external] of Object.entries(externals)) {
    const { ttl, ...unlimited } = external ?? {};
    limited[id] = ttl !== undefined && ttl >= UNLIMITED ? (unlimited as External) : external;
  }
  return JSON.stringify({ ...request, externals: limited });
}

/** The instant that never comes, as near as a number comes to it. */
const UNLIMITED = 2 ** 63;

/** Exactly what the engine reads. */
export type EngineRequest = EngineTarget & Omit<Question, "credential" | "now"> & { readonly now: number };
