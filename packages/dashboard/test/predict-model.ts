// A small real run to ask: shards of images as the coordinator packs them, a model, and a coordinator's answers over them.
import {
  crossEntropy,
  dense,
  featuresField,
  forwardGraph,
  graphToJson,
  initialParameters,
  keyed,
  labelsField,
  packShard,
  parametersPath,
  relu,
  runDocumentPath,
  sequential,
  shardPath,
  versionHeader,
  type DatasetDescription,
  type Field,
  type RunDocument,
} from "@tabgrad/core";

export const side = 6;
export const classes = 3;
export const fields: readonly Field[] = [
  { name: featuresField, storage: "uint8", shape: [side, side] },
  { name: labelsField, storage: "uint8", shape: [] },
];

export const graph = forwardGraph({
  model: sequential(dense(8), relu(), dense(classes)),
  loss: crossEntropy(),
  data: { features: { shape: [side, side], scale: 1 / 255, shift: 0 }, labels: { kind: "classes", count: classes } },
});

/** Shard i has sizes[i] samples; the shards from the second on are held out. */
export function runOf(sizes: readonly number[]): {
  document: RunDocument;
  shards: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
  values: Uint8Array;
} {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const random = keyed(7, "sample", 0, 0);
  const values = Uint8Array.from({ length: total * side * side }, (_, i) => random.integer(i, 256));
  const labels = Uint8Array.from({ length: total }, (_, i) => i % classes);
  const shards = new Map<string, Uint8Array<ArrayBuffer>>();
  let begin = 0;
  const infos = sizes.map((samples, i) => {
    const order = Array.from({ length: samples }, (_, sample) => begin + sample);
    begin += samples;
    const bytes = packShard(fields, [values, labels], order);
    shards.set(`hash${i}`, bytes);
    return { hash: `hash${i}`, bytes: bytes.length, samples };
  });
  const held = sizes.map((_, i) => i).slice(1);
  const dataset: DatasetDescription = {
    fields,
    features: { shape: [side, side], scale: 1 / 255, shift: 0 },
    labels: { kind: "classes", count: classes },
    shards: infos,
    train: { samples: sizes[0], shards: [0] },
    evaluation: { samples: total - sizes[0], shards: held },
  };
  return { document: { runId: "run", name: "small", graph: graphToJson(graph), dataset }, shards, values };
}

/** Different for each version. */
export const parametersOf = (version: number): Float32Array<ArrayBuffer> => Float32Array.from(initialParameters(graph, version));

/** Answers as a coordinator does. `version` may be changed; `down` lets it not answer. */
export class Coordinator {
  readonly run: ReturnType<typeof runOf>;
  readonly asked: string[] = [];
  version = 0;
  down = false;

  constructor(run: ReturnType<typeof runOf>) {
    this.run = run;
  }

  readonly fetch = async (path: string): Promise<Response> => {
    this.asked.push(path);
    if (this.down) throw new TypeError("Failed to fetch");
    if (path === runDocumentPath) return Response.json(this.run.document);
    if (path === parametersPath)
      return new Response(parametersOf(this.version), { headers: { [versionHeader]: String(this.version) } });
    const shard = [...this.run.shards].find(([hash]) => shardPath(hash) === path);
    return shard ? new Response(shard[1]) : new Response(undefined, { status: 404 });
  };

  count(path: string): number {
    return this.asked.filter((asked) => asked === path).length;
  }
}
