// Before the first step: one invitation, large enough to be read from the other end of a room.
import { useComputed } from "@preact/signals";
import { JoinLink } from "./invite/invite.tsx";
import type { Run } from "./run.ts";
import "./welcome.css";
import { welcomeWords } from "./welcome-words.ts";

export function Welcome({ run }: { readonly run: Run }) {
  const { title, text } = useComputed(() => welcomeWords(run.view.value)).value;
  return (
    <section class="welcome" aria-labelledby="welcome" data-testid="welcome">
      <h2 id="welcome">{title}</h2>
      <p class="welcome-text quiet">{text}</p>
      <JoinLink run={run} />
    </section>
  );
}
