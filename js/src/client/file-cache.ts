/** Node, Deno and Bun: the last good bundle in a folder. Imported from `assize/file-cache`. */

import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type BundleCache, type CacheRecord, pack, unpack } from "./cache.js";

/** One file per bundle, replaced as a whole: a reader never sees half of one. */
export class FileCache implements BundleCache {
  readonly #folder: string;
  #writes = 0;

  /** @param folder made when it is missing, readable by its owner alone */
  constructor(folder: string) {
    this.#folder = folder;
  }

  async read(key: string): Promise<CacheRecord | undefined> {
    try {
      return unpack(await readFile(this.#file(key)));
    } catch (error) {
      if ((error as { code?: string }).code === "ENOENT") return undefined;
      throw error;
    }
  }

  async write(key: string, record: CacheRecord): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const file = this.#file(key);
    const draft = `${file}.${process.pid}.${(this.#writes += 1)}`;
    await writeFile(draft, pack(record), { mode: 0o600 });
    await rename(draft, file);
  }

  #file(key: string): string {
    return join(this.#folder, `${encodeURIComponent(key)}.bundle`);
  }
}
