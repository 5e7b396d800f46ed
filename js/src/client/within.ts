/** Waiting for work that others began. */

import { BundleError } from "../errors.js";

/**
 * The outcome of shared work, or an error after a while: in an edge worker, work dies silently with the request that began
 * it, and whoever shares it must not wait for ever.
 */
export async function within<T>(work: Promise<T>, milliseconds: number, forget: () => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      forget();
      reject(new BundleError("noBundle", `no bundle came within ${milliseconds} ms`));
    }, milliseconds);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
