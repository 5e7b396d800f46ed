// Shows the buttons that the policies allow, and decides without a server: the bundle is fetched once, kept in the browser's
// cache, and followed while the server can be reached. Hiding a button protects nothing; the server behind it decides again.

import { CacheApiCache, PolicyClient, session } from "assize";

const config = await (await fetch("config.json")).json();
const policies = new PolicyClient({
  url: new URL(config.bundle, location.href),
  keys: config.keys,
  authorize: session(config.token),
  cache: new CacheApiCache(await caches.open("policies")),
  onChange: () => void show(),
});

async function show() {
  const tree = await policies.evaluateTree({ resource: `${config.origin}/`, subject: config.subject });
  for (const button of document.querySelectorAll("button[data-action]")) {
    button.hidden = !tree.allows(config.origin + button.dataset.resource, button.dataset.action);
  }
  const { state, revision, source } = policies.status();
  document.querySelector("#state").textContent = `Policies of revision ${revision}, ${state}, from the ${source}.`;
}

await show().catch((error) => (document.querySelector("#state").textContent = `No policies: ${error.message}`));
