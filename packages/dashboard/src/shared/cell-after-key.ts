// Moving through a square of cells by keyboard: the same in every matrix.

/** The cell that an arrow key leads to, from (truth, predicted); the same one at the edge, undefined for another key. */
export function cellAfterKey(
  key: string,
  { truth, predicted }: { truth: number; predicted: number },
  classes: number,
): { truth: number; predicted: number } | undefined {
  const within = (index: number): number => Math.min(classes - 1, Math.max(0, index));
  switch (key) {
    case "ArrowLeft":
      return { truth, predicted: within(predicted - 1) };
    case "ArrowRight":
      return { truth, predicted: within(predicted + 1) };
    case "ArrowUp":
      return { truth: within(truth - 1), predicted };
    case "ArrowDown":
      return { truth: within(truth + 1), predicted };
    case "Home":
      return { truth, predicted: 0 };
    case "End":
      return { truth, predicted: classes - 1 };
    default:
      return undefined;
  }
}
