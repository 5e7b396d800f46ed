// Bundles for tests, compiled by the server's own command line.

import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { scratch, TARGET } from "./packed.mjs";

/** The bytes of a bundle of some policies (AM's JSON), or of a whole import document. */
export function bundleOf(policies) {
  const folder = scratch("bundle");
  const [document, bundle] = [join(folder, "policies.json"), join(folder, "bundle")];
  writeFileSync(document, JSON.stringify(Array.isArray(policies) ? { policies } : policies));
  execFileSync(join(TARGET, "debug/assize"), ["bundle", "build", "--policies", document, "--out", bundle], { stdio: "ignore" });
  return readFileSync(bundle);
}

/** A policy on some resources of https://www.example.com for the users of one issuer, unless told otherwise. */
export function policy(name, path, more = {}) {
  return {
    name,
    active: true,
    applicationName: "iPlanetAMWebAgentService",
    resources: [path].flat().map((p) => (p.includes("://") ? p : `https://www.example.com:443${p}`)),
    actionValues: { GET: true },
    subject: { type: "JwtClaim", claimName: "iss", claimValue: ANN.claims.iss },
    ...more,
  };
}

/** A subject that the policies of these tests are about. */
export const ANN = { claims: { sub: "ann", iss: "https://issuer.example.com" } };
