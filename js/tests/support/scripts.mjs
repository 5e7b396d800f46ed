// The server's suite of scripts (`host/script/tests/cases.json`), in whatever runtime this is loaded by.

/** Runs every script; gives how many there were and which came to something else than on the server. */
export async function answerScripts({ ScriptResolver }, cases) {
  const different = [];
  const rows = [...cases.bindings, ...cases.hostile];
  for (const row of rows) {
    const inputs = { ...cases.inputs, ...row.inputs };
    const subject = {};
    if (inputs.username != null) subject.principals = [inputs.username];
    if (inputs.session != null) subject.session = inputs.session;
    if (inputs.profile != null) subject.profile = inputs.profile;
    const request = { resources: [inputs.resource], now: inputs.now, environment: inputs.environment, subject };
    const need = { id: "n", type: "Script", scriptId: "GATE", resourceName: inputs.resource, resource: inputs.resource };
    const log = [];
    const scripts = { gate: { name: inputs.scriptName, source: row.script } };
    const resolver = new ScriptResolver({ scripts, log: (level, line) => void log.push([level, line]) });
    const { n: result } = await resolver.resolve([need], request);
    // An unlimited ttl is left out; an error is told to the log as well.
    const wanted = JSON.parse(row.answer.replace(',"ttl":9223372036854775807', ""));
    if (wanted.result.error !== undefined) wanted.log.push(["error", wanted.result.error]);
    const [got, want] = [{ result, log }, wanted].map((answer) => JSON.stringify(answer));
    if (got !== want) different.push(`${row.about}: ${got.slice(0, 200)}`);
  }
  return { rows: rows.length, different };
}
