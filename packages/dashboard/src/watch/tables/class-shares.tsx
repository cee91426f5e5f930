// Metrics that have a number for each class, side by side.
import { classNaming, shareText } from "./confusion-cells.ts";

export interface ClassSharesProps {
  /** By the name of the metric: its shares, 0 to 1. */
  readonly metrics: ReadonlyMap<string, readonly number[]>;
  readonly classNames: readonly string[] | undefined;
}

export function ClassShares({ metrics, classNames }: ClassSharesProps) {
  const [first = []] = metrics.values();
  const name = classNaming(classNames, first.length);
  return (
    <div class="scroller by-class-scroller" tabindex={0} role="region" aria-label="Scores of each class">
      <table class="numbers-table" data-testid="class-shares">
        <thead>
          <tr>
            {["class", ...metrics.keys()].map((column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {first.map((_, index) => (
            <tr key={index}>
              <th scope="row">{name(index)}</th>
              {[...metrics].map(([metric, shares]) => (
                <td key={metric} class="number">
                  {shareText(shares[index])}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
