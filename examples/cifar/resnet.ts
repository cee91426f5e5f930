// curl https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz | tar xz -C examples/cifar
// npx tabgrad train examples/cifar/resnet.ts --workers 2
//
// A residual network that suits CIFAR-10: 60,000 colour images of ten classes, which the first command fetches (170 MB). It has 20 layers
// on its way and 272,282 parameters, beside the running statistics of its batch normalisation: the size of the ResNet-20 of He et al. 2015,
// https://arxiv.org/abs/1512.03385, which reached 91.25 %. With `--epochs 4`, over which the learning rate falls, it tells 78.5 % of the
// test images right. Two cores of a server that had nothing else to do computed 172 images a second, an epoch in 5 minutes: for its 100
// epochs, which were not tried, bring GPUs.
import {
  batchNorm,
  cifar,
  conv2d,
  cosineDecay,
  crossEntropy,
  defineRun,
  dense,
  globalAveragePool,
  horizontalFlip,
  type Layer,
  randomCrop,
  relu,
  residual,
  sequential,
  sgd,
} from "tabgrad";

/** A convolution without a bias, since a normalisation comes after it, which has one. */
const convolution = (channels: number, size: number, stride = 1): Layer =>
  conv2d(channels, size, { stride, padding: size === 3 ? 1 : 0, bias: false });

/**
 * Two convolutions, each after a normalisation and a ReLU, and a way around all of it (He, Zhang, Ren & Sun 2016,
 * https://arxiv.org/abs/1603.05027). With a stride, a convolution of 1 × 1 makes the image as small on the way around.
 */
const block = (channels: number, stride = 1): Layer =>
  residual(
    batchNorm(),
    relu(),
    convolution(channels, 3, stride),
    batchNorm(),
    relu(),
    convolution(channels, 3),
    stride === 1 ? {} : { shortcut: convolution(channels, 1, stride) },
  );

export default defineRun({
  data: cifar({
    path: "cifar-10-batches-bin/data_batch_*.bin",
    test: { path: "cifar-10-batches-bin/test_batch.bin" },
    normalise: "standard",
  }),
  // An image is moved by up to 4 pixels each time, and mirrored half of the time, so that the network rarely sees the same one twice.
  transforms: [randomCrop({ padding: 4 }), horizontalFlip()],
  model: sequential(
    convolution(16, 3),
    sequential(block(16), block(16), block(16)),
    sequential(block(32, 2), block(32), block(32)),
    sequential(block(64, 2), block(64), block(64)),
    sequential(batchNorm(), relu(), globalAveragePool()),
    dense(10),
  ),
  loss: crossEntropy(),
  optimizer: sgd({ learningRate: 0.1, momentum: 0.9, nesterov: true, weightDecay: 1e-4 }),
  schedule: cosineDecay({ warmUp: { epochs: 1 } }),
  batchSize: 128,
  // What batch normalisation looks at: a worker takes at least that many images at a time, and four workers can share a step.
  microbatchSize: 32,
  epochs: 100,
  seed: 1,
});
