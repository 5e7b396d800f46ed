// Answers every request of the corpus and holds the answers against the native engine's bytes. Plain JavaScript without an
// import: it runs in every runtime.
//
// The corpus is a row of frames, as `tests/src/bin/answers.rs` writes it: `B`, u32 length, a bundle; `R`, u32 length, a
// request, u32 length, its answer.

export const REVISION = 7;

export async function answerCorpus({ engine, loadBundle }, bytes, options = {}) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let at = 0;
  const part = () => {
    const length = view.getUint32(at, true);
    at += 4 + length;
    return bytes.slice(at - length, at);
  };
  const result = { bundles: 0, rows: 0, objects: 0, different: [], build: (await engine(options.module)).build };
  let bundle;
  while (at < bytes.length) {
    const kind = bytes[at];
    at += 1;
    if (kind === 0x42) {
      bundle = await loadBundle(part(), { ...options, revision: REVISION });
      result.bundles += 1;
      continue;
    }
    const [request, wanted] = [decoder.decode(part()), decoder.decode(part())];
    const answer = bundle.evaluateText(request);
    result.rows += 1;
    if (answer !== wanted && result.different.length < 5) result.different.push({ request, answer, wanted });
    // The object form is held against the text form, in which an unlimited ttl has no room in a number.
    const object = JSON.parse(request);
    if (result.rows % 7 === 0 && JSON.stringify(object) === request) {
      let given;
      try {
        given = JSON.stringify(bundle.ask(object));
      } catch (error) {
        given = JSON.stringify({ error: { code: error.code } });
      }
      const text = JSON.parse(wanted.replaceAll('"ttl":9223372036854775807', '"ttl":1e999'));
      const expected = JSON.stringify(text.error ? { error: { code: text.error.code } } : text);
      if (given !== expected) result.different.push({ request, given, expected });
      result.objects += 1;
    }
  }
  return result;
}
