// A metric's table of which nobody knows more than its numbers.
import { decimal } from "../../shared/format.ts";

export function NumbersTable({ rows, name }: { readonly rows: readonly (readonly number[])[]; readonly name: string }) {
  return (
    <div class="scroller by-class-scroller" tabindex={0} role="region" aria-label={name}>
      <table class="numbers-table number">
        <thead>
          <tr>
            <th scope="col">row</th>
            {rows.at(0)?.map((_, column) => (
              <th key={column} scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, i) => (
            <tr key={i}>
              <th scope="row">{i}</th>
              {row.map((value, column) => (
                <td key={column}>{decimal(value)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
