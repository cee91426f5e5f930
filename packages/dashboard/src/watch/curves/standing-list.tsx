// The facts beside the curves, in runs that have any.
import type { Run } from "../run.ts";
import { standingFacts } from "./standing.ts";

export function StandingList({ run }: { readonly run: Run }) {
  const view = run.view.value;
  const facts = view ? standingFacts(view) : [];
  if (facts.length === 0) return null;
  return (
    <dl class="standing-list" data-testid="standing">
      {facts.map(({ id, name, value, note }) => (
        <div key={id} data-testid={`standing-${id}`}>
          <dt class="quiet">{name}</dt>
          <dd>
            <span class="number">{value}</span> <span class="quiet">{note}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
