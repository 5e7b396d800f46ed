// The real server, on a free port with a store of its own, and what an administrator does to it.

import { execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { scratch, TARGET } from "./packed.mjs";

/** Everybody's. */
export const PASSWORD = "only for this test 1";

const BINARY = join(TARGET, "debug/assize");

export class Server {
  static async start() {
    if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: run \`cargo build --workspace\``);
    const server = new Server();
    server.data = scratch("server");
    await server.#run("127.0.0.1:0");
    server.admin = await server.login("amadmin", PASSWORD);
    return server;
  }

  async #run(listen) {
    this.process = spawn(BINARY, ["serve", "--listen", listen, "--data", this.data], {
      env: { ...process.env, ASSIZE_ADMIN_PASSWORD: PASSWORD },
      stdio: ["ignore", "ignore", "pipe"],
    });
    process.on("exit", () => this.process.kill("SIGKILL"));
    const log = createInterface({ input: this.process.stderr });
    const address = await new Promise((resolve, reject) => {
      log.on("line", (line) => {
        const [, found] = /"message":"listening","address":"([^"]+)"/.exec(line) ?? [];
        if (found !== undefined) resolve(found);
        else if (!line.includes('"level":"INFO"')) console.log(line);
      });
      log.on("close", () => reject(new Error("the server ended before it listened")));
    });
    this.origin = `http://${address}`;
    this.am = `${this.origin}/am`;
  }

  /** Ends it, as a power cut would. */
  async stop() {
    const ended = new Promise((resolve) => this.process.on("exit", resolve));
    this.process.kill("SIGKILL");
    await ended;
  }

  async login(user, password = PASSWORD) {
    const headers = { "x-openam-username": user, "x-openam-password": password, "accept-api-version": "resource=2.0, protocol=1.0" };
    const response = await fetch(`${this.am}/json/authenticate`, { method: "POST", headers });
    const { tokenId } = await response.json();
    if (tokenId === undefined) throw new Error(`${user} cannot log in: ${response.status}`);
    return tokenId;
  }

  /** A call of the administrator; its JSON answer. */
  async call(method, path, body, version = "resource=1.0") {
    const response = await fetch(`${this.am}/json${path}`, {
      method,
      headers: { iPlanetDirectoryPro: this.admin, "content-type": "application/json", accept: "application/json", "accept-api-version": version },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  createUser(username) {
    return this.call("POST", "/users?_action=create", { username, userpassword: PASSWORD }, "resource=3.0");
  }

  /** Writes a policy over the one of that name. */
  putPolicy(policy) {
    return this.call("PUT", `/policies/${encodeURIComponent(policy.name)}`, policy, "resource=2.1");
  }

  /** Registers an OAuth client by the command line: its id and secret. */
  createClient(name, role) {
    const create = ["client", "--data", this.data, "create", "--name", name, "--role", role];
    return JSON.parse(execFileSync(BINARY, create, { encoding: "utf8" }));
  }

  createBundle(definition) {
    return this.call("POST", "/bundles?_action=create", definition);
  }

  async keys() {
    return (await fetch(`${this.origin}/.well-known/assize-bundle-keys`)).json();
  }

  bundleUrl(name) {
    return `${this.am}/json/realms/root/bundles/${name}`;
  }
}
