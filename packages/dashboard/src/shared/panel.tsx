// A titled part of a page.
import type { ComponentChildren } from "preact";

export interface PanelProps {
  readonly title: string;
  /** Also the id of the heading, which names the region for screen readers. */
  readonly id: string;
  /** Beside the title: a number, a choice. */
  readonly aside?: ComponentChildren;
  readonly class?: string;
  readonly children: ComponentChildren;
}

export function Panel({ title, id, aside, class: extra = "", children }: PanelProps) {
  return (
    <section class={`panel ${extra}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside}
      </header>
      {children}
    </section>
  );
}
