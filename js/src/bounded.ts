/** Reading an answer no further than it may be long. */

/** All bytes of an answer; `undefined` where there are more than `most`: the rest is not read. */
export async function bytesUpTo(most: number, response: Response): Promise<Uint8Array | undefined> {
  const reader = response.body?.getReader();
  if (reader === undefined) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const { value, done } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > most) {
      await reader.cancel().catch(() => undefined);
      return undefined;
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** As {@link bytesUpTo}, as text in UTF-8. */
export async function textUpTo(most: number, response: Response): Promise<string | undefined> {
  const bytes = await bytesUpTo(most, response);
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}
