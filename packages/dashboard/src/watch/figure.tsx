// A number that a glance is for, under its name.
import "./headline.css";

export interface FigureProps {
  readonly name: string;
  readonly testId: string;
  readonly value: string;
  readonly note?: string;
  readonly strong?: boolean;
}

export function Figure({ name, testId, value, note, strong }: FigureProps) {
  // A unit is not as important as its number.
  const [number, unit] = value.split(" ");
  return (
    <div class="headline-figure">
      <p class="headline-name">{name}</p>
      <p class={`headline-value number ${strong ? "strong" : ""}`} data-testid={testId}>
        {number}
        {unit && <span class="headline-unit">{` ${unit}`}</span>}
      </p>
      {note !== undefined && <p class="headline-note quiet small">{note}</p>}
    </div>
  );
}
