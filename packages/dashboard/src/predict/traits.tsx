// The most telling columns of a table's row: a name and a value each.
import type { Trait } from "./table.ts";

export function Traits({ traits }: { readonly traits: readonly Trait[] }) {
  return (
    <dl class="traits">
      {traits.map(({ name, value }) => (
        <div key={name}>
          <dt title={name}>{name}</dt>
          <dd class="number">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
