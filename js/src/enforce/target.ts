/**
 * From a request's target to the resource that policies name.
 *
 * INVARIANT: what is decided about is what the server behind will serve. The engine removes dot segments and collapses empty
 * ones (RFC 3986 §6.2.2, as AM does); a router that does not would serve another resource than the one decided about. Such
 * targets are refused instead of guessed at.
 */

import { AssizeError } from "../errors.js";

/** A target that servers read in different ways. Answered with 400. */
export class AmbiguousUrlError extends AssizeError {
  constructor(what: string) {
    super("ambiguousUrl", `the URL has ${what}, which servers read in different ways`);
  }
}

/** How the server behind reads a path. */
export interface Reading {
  /**
   * `kept` (unless told): `%2f` is an ordinary part of a segment to the server behind, as to the engine. `decoded`: that
   * server takes it for a `/`, so the decision is about the path with it decoded.
   */
  readonly encodedSlashes?: "kept" | "decoded";
  /** `refused` (unless told), or `collapsed`: the server behind reads `//` as `/`, as the engine does. */
  readonly emptySegments?: "refused" | "collapsed";
}

/** Query parameters with which ForgeRock's SDK asks again; they are the enforcement point's and no part of the resource. */
const OWN_PARAMETERS = new Set(["_txid", "_idtoken"]);

/** Path and query to decide about, and the parameters that were taken out. */
export interface Target {
  readonly resource: string;
  readonly own: ReadonlyMap<string, string>;
}

/**
 * Reads a request target.
 *
 * @throws AmbiguousUrlError
 */
export function readTarget(target: string, reading: Reading = {}): Target {
  // Some clients send the absolute form to proxies (RFC 9112 §3.2.2); the authority is the enforcer's to say.
  const relative = target.replace(/^https?:\/\/[^/?#]*/i, "");
  const [beforeFragment = ""] = relative.split("#", 1);
  const at = beforeFragment.indexOf("?");
  const path = at < 0 ? beforeFragment : beforeFragment.slice(0, at);
  const query = at < 0 ? undefined : beforeFragment.slice(at + 1);
  const { kept, own } = withoutOwn(query);
  return { resource: `${readPath(path === "" ? "/" : path, reading)}${kept === undefined ? "" : `?${kept}`}`, own };
}

function readPath(raw: string, { encodedSlashes = "kept", emptySegments = "refused" }: Reading): string {
  if (!raw.startsWith("/")) throw new AmbiguousUrlError("no absolute path");
  if (/%(?![0-9a-f]{2})/i.test(raw)) throw new AmbiguousUrlError("a `%` that begins no escape");
  const path = encodedSlashes === "decoded" ? raw.replace(/%2f/gi, "/") : raw;
  if (/\\|%5c|%00|[\u0000-\u0020\u007f]/i.test(path)) throw new AmbiguousUrlError("a backslash, a space or a control character");
  const segments = path.split("/").slice(1);
  const dotted = segments.some((segment) => /^(?:\.|%2e){1,2}$/i.test(segment.split(";", 1)[0] ?? ""));
  if (dotted) throw new AmbiguousUrlError("a `.` or `..` segment");
  if (emptySegments === "refused" && segments.slice(0, -1).includes("")) throw new AmbiguousUrlError("an empty segment (`//`)");
  return path;
}

function withoutOwn(query: string | undefined): { readonly kept: string | undefined; readonly own: Map<string, string> } {
  const own = new Map<string, string>();
  if (query === undefined) return { kept: undefined, own };
  const parameters = query.split("&");
  const kept = parameters.filter((parameter) => {
    const [name = "", value = ""] = parameter.split("=", 2);
    if (!OWN_PARAMETERS.has(name)) return true;
    own.set(name, decoded(value));
    return false;
  });
  return { kept: kept.length === 0 && own.size > 0 ? undefined : kept.join("&"), own };
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value.replaceAll("+", " "));
  } catch {
    return value;
  }
}
