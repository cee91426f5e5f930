// A button that puts a text on the clipboard, and says whether it could.
import { useSignal } from "@preact/signals";
import "./copy.css";

export interface CopyProps {
  readonly text: string;
  /** For screen readers: "the join link". */
  readonly what: string;
}

export function Copy({ text, what }: CopyProps) {
  const said = useSignal("");
  const copy = async (): Promise<void> => {
    said.value = (await put(text)) ? "copied" : "select it, then copy";
    setTimeout(() => (said.value = ""), 2000);
  };
  return (
    <button type="button" class="copy" aria-label={`Copy ${what}`} onClick={() => void copy()}>
      <span aria-live="polite">{said.value || "copy"}</span>
    </button>
  );
}

/** Over plain http on a network there is no clipboard; the old way works there. */
async function put(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.body.appendChild(Object.assign(document.createElement("textarea"), { value: text }));
    area.select();
    // eslint-disable-next-line @typescript-eslint/no-deprecated -- nothing else copies without https
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}
