// What the panel fetches from the coordinator: the run's document, held-out samples, parameters.
import { parametersPath, runDocumentPath, shardPath, TabgradError, versionHeader, type RunDocument } from "@tabgrad/core";
import { locateSamples, takeSamples, type SampleSet } from "./samples.ts";

export type Fetch = (path: string) => Promise<Response>;

export interface Parameters {
  readonly version: number;
  readonly values: Float32Array<ArrayBuffer>;
}

export async function fetchDocument(fetch: Fetch): Promise<RunDocument> {
  return (await (await answered(fetch, runDocumentPath)).json()) as RunDocument;
}

/**
 * @param most samples to fetch
 * @throws TabgradError DATA_SHARD_CORRUPT
 */
export async function fetchSamples(fetch: Fetch, { dataset }: RunDocument, most: number): Promise<SampleSet> {
  const stretches = locateSamples(dataset, most);
  const bytes = stretches.map(async ({ shard }) => {
    const response = await answered(fetch, shardPath(dataset.shards[shard].hash));
    return new Uint8Array(await response.arrayBuffer());
  });
  return takeSamples(dataset, stretches, await Promise.all(bytes));
}

/**
 * @param elements values that the model's flat vector has
 * @throws TabgradError COORDINATOR_UNREACHABLE, PROTOCOL_VIOLATION
 */
export async function fetchParameters(fetch: Fetch, elements: number): Promise<Parameters> {
  const response = await answered(fetch, parametersPath);
  const version = Number(response.headers.get(versionHeader) ?? NaN);
  const bytes = await response.arrayBuffer();
  if (Number.isInteger(version) && bytes.byteLength === 4 * elements) return { version, values: new Float32Array(bytes) };
  throw new TabgradError(
    "PROTOCOL_VIOLATION",
    `${parametersPath} has ${bytes.byteLength} bytes; the model's ${elements} parameters take ${4 * elements}`,
    "Reload the page: it may show another run's.",
  );
}

async function answered(fetch: Fetch, path: string): Promise<Response> {
  const response = await fetch(path).catch((cause: unknown) => {
    throw failed(`${path} does not answer`, cause);
  });
  if (!response.ok) throw failed(`${path} answered ${response.status}`);
  return response;
}

const failed = (what: string, cause?: unknown): TabgradError =>
  new TabgradError("COORDINATOR_UNREACHABLE", what, "The page keeps trying. If it stays so, reload it.", { cause });
