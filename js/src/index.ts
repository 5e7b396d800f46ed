/**
 * Policy decisions in any JavaScript runtime, by the module that the Assize server decides with.
 *
 * @packageDocumentation
 */

export { Bundle, loadBundle, type LoadOptions } from "./bundle/bundle.js";
export type { Expected, Notice, Seal } from "./bundle/sealed.js";
export { Tree } from "./bundle/tree.js";
export * from "./decision.js";
export { engine, type EngineMark } from "./engine/engine.js";
export type { ModuleInput, ModuleSource } from "./engine/module.js";
export * from "./errors.js";
export { type JsonWebKeySet, type KeySet, type PublicJwk, remoteKeySet, type RemoteKeySetOptions } from "./jose/keys.js";
export type {
  Claims,
  Credential,
  EngineRequest,
  EngineTarget,
  Environment,
  EvaluateRequest,
  EvaluateTreeRequest,
  External,
  Json,
  Question,
  Subject,
} from "./request.js";
export {
  type BundleCache,
  type CacheApi,
  CacheApiCache,
  type CacheRecord,
  KvCache,
  type KvNamespace,
  MemoryCache,
} from "./client/cache.js";
export { type ClientCredentials, clientCredentials } from "./client/credentials.js";
export type { PolicyClientOptions, Status } from "./client/options.js";
export { PolicyClient, type WaitUntil } from "./client/policy-client.js";
export { type Authorize, bearer, session } from "./client/publication.js";
export type { Decider, OutsideResolver, Script, Scripts } from "./decider.js";
export { RemoteClient, type RemoteClientOptions } from "./remote/remote-client.js";
export { type Allowed, type Denied, Enforcer, type EnforcerOptions, type Verdict } from "./enforce/enforcer.js";
export { type AddressOf, guard, type GuardedHandler, incoming, responseOf } from "./enforce/fetch.js";
export type { Incoming } from "./enforce/incoming.js";
export { batched, type DecisionRecord, type DecisionSink, jsonLines } from "./enforce/log.js";
export type { AdviceForm, Refusal } from "./enforce/refusal.js";
export {
  anyOf,
  type Caller,
  type JwtOptions,
  jwtSubject,
  type SessionOptions,
  sessionSubject,
  type SubjectSource,
  type TokenPlace,
} from "./enforce/subject.js";
export { AmbiguousUrlError, type Reading } from "./enforce/target.js";
