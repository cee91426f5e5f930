// The newest parameters for those who ask over http: however many do, the vector is copied once a second at most.

export interface ParameterCopy {
  /** How many steps are behind it. */
  readonly version: number;
  /** The flat vector, float32 little-endian. Nobody changes it. */
  readonly bytes: Uint8Array;
}

const shortestMs = 1_000;

/**
 * @param source what to copy
 * @param now milliseconds
 */
export function newestCopy(
  source: { readonly version: number; parameterBytes(): Uint8Array },
  now: () => number,
): () => ParameterCopy {
  let copy: (ParameterCopy & { readonly at: number }) | undefined;
  return () => {
    const isNew = copy && (copy.version === source.version || now() - copy.at < shortestMs);
    if (!copy || !isNew) copy = { version: source.version, bytes: source.parameterBytes(), at: now() };
    return copy;
  };
}
