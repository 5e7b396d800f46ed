/** A request as every framework's adapter hands it to the enforcer. */
export interface Incoming {
  readonly method: string;
  /**
   * The request target as the application's own router will see it: path and query, not decoded and not normalised. From a
   * `fetch` Request that is what the URL parser left, from Node it is `req.url`.
   */
  readonly target: string;
  /** A header's value, by its lower-case name. */
  header(name: string): string | undefined;
  /** The address of whoever asks, where the framework knows it; becomes `requestIp`. */
  readonly ip: string | undefined;
}

/** The value of a cookie. */
export function cookie(request: Incoming, name: string): string | undefined {
  const pairs = (request.header("cookie") ?? "").split(";").map((pair) => pair.trim());
  const found = pairs.find((pair) => pair.startsWith(`${name}=`));
  return found?.slice(name.length + 1);
}
