/**
 * Every error that this package throws is an {@link AssizeError} with a stable `code`. An error is never an allow:
 * whoever cannot decide must deny.
 */

/** What the engine says of a request that it cannot answer (contract §4). */
export type RequestErrorCode =
  | "badJson"
  | "badRequest"
  | "badResource"
  | "unknownPolicySet"
  | "limitExceeded"
  | "stepsExceeded";

/** Why a bundle, or a notice about one, is refused. */
export type BundleErrorCode =
  /** The bytes are no bundle that this engine can use. */
  | "badBundle"
  /** Not a sealed bundle: no signed line, or bytes missing. */
  | "badSeal"
  /** The signature is not one of the pinned keys'. */
  | "badSignature"
  /** The bytes are not the ones that were signed. */
  | "badDigest"
  /** Another realm, name or issuer than the expected one. */
  | "wrongBundle"
  /** A lower revision than one that has been seen. */
  | "olderRevision"
  /** Over its age limit. */
  | "staleBundle"
  /** None is loaded. */
  | "noBundle";

/** Why a token is not believed. */
export type TokenErrorCode =
  | "noToken"
  | "badToken"
  | "badTokenSignature"
  | "unknownKey"
  | "expiredToken"
  | "tokenNotYetValid"
  | "wrongIssuer"
  | "wrongAudience"
  | "deadSession";

/** What went wrong on the way to a server, or there. */
export type RemoteErrorCode = "unreachable" | "refused" | "badAnswer" | "unsupported";

/** Every code that an {@link AssizeError} can have. */
export type ErrorCode =
  | RequestErrorCode
  | BundleErrorCode
  | TokenErrorCode
  | RemoteErrorCode
  /** A call of this package with options that cannot work. */
  | "badOptions"
  /** The URL of a request does not mean one resource: see `AmbiguousUrlError`. */
  | "ambiguousUrl"
  /** The resource is not at or beneath the root of a tree. */
  | "outsideTree"
  /** The module trapped: memory ran out. Its instance was replaced. */
  | "engineFailed";

/** The base of all errors of this package. */
export class AssizeError extends Error {
  /** Stable: programs branch on it. */
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The engine cannot answer the request as it is. */
export class RequestError extends AssizeError {
  declare readonly code: RequestErrorCode;
  /** JSON pointer (RFC 6901) of the member at fault; empty where the whole request is. */
  readonly path: string;

  constructor(code: RequestErrorCode, message: string, path: string) {
    super(code, path === "" ? message : `${path}: ${message}`);
    this.path = path;
  }
}

/** A bundle is refused, too old, or not there. */
export class BundleError extends AssizeError {
  declare readonly code: BundleErrorCode;

  constructor(code: BundleErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}

/** A token or session is not believed. */
export class TokenError extends AssizeError {
  declare readonly code: TokenErrorCode;

  constructor(code: TokenErrorCode, message: string, options?: { cause?: unknown }) {
    super(code, message, options);
  }
}

/** A server did not answer, or not as it should. */
export class RemoteError extends AssizeError {
  declare readonly code: RemoteErrorCode;
  /** The HTTP status, where there was an answer. */
  readonly status: number | undefined;

  constructor(code: RemoteErrorCode, message: string, options?: { cause?: unknown; status?: number }) {
    super(code, message, options);
    this.status = options?.status;
  }
}

/** Options that cannot work. */
export class OptionsError extends AssizeError {
  constructor(message: string) {
    super("badOptions", message);
  }
}

/** A resource that a tree says nothing about. */
export class OutsideTreeError extends AssizeError {
  constructor(resource: string, root: string) {
    super("outsideTree", `${resource} is not at or beneath ${root}: the tree says nothing about it`);
  }
}

/** The module trapped. The request failed; the next one meets a fresh instance. */
export class EngineError extends AssizeError {
  constructor(cause: unknown) {
    super("engineFailed", `the engine failed on this request: ${String(cause)}`, { cause });
  }
}

/** What went wrong, in words, whatever was thrown. */
export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}
