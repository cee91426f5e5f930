// The networks that are measured, each with what it takes to train it for a while.
import { averagePool2d, conv2d, dense, flatten, maxPool2d, relu, sequential, type Layer } from "@tabgrad/core";

export type NetworkName = "mlp" | "cnn";
/** What only a GPU is measured on: large products, and convolutions with many channels. */
export type HeavyName = "wide" | "deep";

export interface Network {
  readonly description: string;
  /** The shape of a sample. */
  readonly shape: readonly number[];
  readonly model: Layer;
  /** As many as take some seconds. */
  readonly steps: number;
}

/** peers/pytorch.py has the same ones. */
export const networks: Readonly<Record<NetworkName, Network>> = {
  mlp: {
    description: "MLP 784-256-128-10",
    shape: [784],
    model: sequential(dense(256), relu(), dense(128), relu(), dense(10)),
    steps: 400,
  },
  cnn: {
    description: "CNN on 28 × 28: conv 32 and 64 of 3 × 3, each with relu and a pool of 2 × 2, dense 128 and 10",
    shape: [1, 28, 28],
    model: sequential(
      ...[conv2d(32, 3), relu(), maxPool2d(), conv2d(64, 3), relu(), maxPool2d()],
      ...[flatten(), dense(128), relu(), dense(10)],
    ),
    steps: 30,
  },
};

const deepConvolution = () => conv2d(64, 3, { padding: 1 });

/** peers/cuda.py has the same ones. */
export const heavyNetworks: Readonly<Record<HeavyName, Network>> = {
  wide: {
    description: "MLP 2048-2048-2048-2048-10",
    shape: [2048],
    model: sequential(dense(2048), relu(), dense(2048), relu(), dense(2048), relu(), dense(10)),
    steps: 20,
  },
  deep: {
    description: "CNN on 3 × 32 × 32: four conv 64 of 3 × 3, each with relu, a pool of averages, dense 10",
    shape: [3, 32, 32],
    model: sequential(
      ...[deepConvolution(), relu(), deepConvolution(), relu(), deepConvolution(), relu(), deepConvolution(), relu()],
      ...[averagePool2d(8), flatten(), dense(10)],
    ),
    steps: 20,
  },
};
