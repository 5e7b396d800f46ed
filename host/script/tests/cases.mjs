// Runs scripts in script.wasm: reads [{script, inputs}] from standard input, writes the answers.
import { readFileSync, writeSync } from 'node:fs';

const FAULTS = {
    1: 'the script takes too many steps',
    2: "the script's calls are nested too deeply",
    3: 'the script needs too much memory',
};
const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const encoder = new TextEncoder(), decoder = new TextDecoder('utf-8', { fatal: true });

const sorted = (members) => Object.fromEntries(Object.entries(members).sort(([a], [b]) => (a < b ? -1 : 1)));

function run({ script, inputs: { now, resource, scriptName, username, environment, session, profile } }) {
    const { exports } = new WebAssembly.Instance(module, {});
    // As the server does it: sorted, and nothing for nothing.
    const known = session === undefined ? '' : JSON.stringify({ session: sorted(session), profile: profile && sorted(profile) });
    const given = Object.keys(environment).length === 0 ? '' : JSON.stringify(sorted(environment));
    const told = [resource, scriptName, username ?? '', given, known];
    const parts = [script, ...told].map((text) => encoder.encode(text));
    const lengths = parts.map((part) => part.length);
    let at = exports.assize_script_input(lengths.reduce((sum, length) => sum + length));
    if (username === undefined) lengths[3] = -1;
    for (const part of parts) {
        new Uint8Array(exports.memory.buffer).set(part, at);
        at += part.length;
    }
    let record;
    try {
        record = exports.assize_script_run(now, ...lengths);
    } catch (error) {
        if (!(error instanceof WebAssembly.RuntimeError)) throw error;
        return JSON.stringify({ result: { error: FAULTS[exports.assize_fault.value] }, log: [] });
    }
    const [start, length] = new Uint32Array(exports.memory.buffer, record, 2);
    return decoder.decode(new Uint8Array(exports.memory.buffer, start, length));
}

const answers = JSON.stringify(JSON.parse(readFileSync(0, 'utf8')).map(run));
for (let bytes = encoder.encode(answers), at = 0; at < bytes.length; ) at += writeSync(1, bytes, at);
