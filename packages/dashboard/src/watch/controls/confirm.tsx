// A question before something that can't be taken back.
import { useSignalEffect, type Signal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import "./confirm.css";

export interface ConfirmProps {
  readonly open: Signal<boolean>;
  readonly title: string;
  readonly text: string;
  /** What the button does: "Stop the run". */
  readonly yes: string;
  readonly confirmed: () => unknown;
}

export function Confirm({ open, title, text, yes, confirmed }: ConfirmProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useSignalEffect(() => {
    if (open.value) dialog.current?.showModal();
    else dialog.current?.close();
  });
  const agree = (): void => {
    open.value = false;
    confirmed();
  };
  return (
    <dialog class="confirm" ref={dialog} aria-labelledby={heading} onClose={() => (open.value = false)}>
      <h2 id={heading}>{title}</h2>
      <p class="quiet">{text}</p>
      <div class="confirm-answers">
        <button type="button" class="button" autofocus onClick={() => (open.value = false)}>
          No
        </button>
        <button type="button" class="button danger" data-testid="confirm" onClick={agree}>
          {yes}
        </button>
      </div>
    </dialog>
  );
}
