// How others get in: a link and its QR code.
import { useComputed } from "@preact/signals";
import { Copy } from "../../shared/copy.tsx";
import { Panel } from "../../shared/panel.tsx";
import { isOver } from "../phase-words.ts";
import type { Run } from "../run.ts";
import { invitation } from "./invitation.ts";
import "./invite.css";
import { Qr } from "./qr.tsx";

export function Invite({ run }: { readonly run: Run }) {
  const over = useComputed(() => isOver(run.view.value?.phase)).value;
  if (over || !run.feed.links.value) return null;
  return (
    <Panel title="Invite" id="invite">
      <JoinLink run={run} />
    </Panel>
  );
}

export function JoinLink({ run }: { readonly run: Run }) {
  const { link, others, worker, loopback, insecure } = useComputed(() => invitation(run.feed.links.value, location.origin)).value;
  return (
    <div class="invite" data-testid="invite">
      <div class="invite-code">
        <Qr text={link} label={`QR code of ${link}`} />
      </div>
      <div class="invite-link">
        <p>Open this link on {loopback ? "this" : "any"} machine, and press one button.</p>
        <p class="invite-address">
          <a class="number" href={link} target="_blank" rel="noopener" data-testid="join-link">
            {link}
          </a>
          <Copy text={link} what="the join link" />
        </p>
      </div>
      <div class="invite-words">
        {loopback && (
          <p class="small invite-hint" data-testid="loopback-hint">
            Only this machine can use it. To let others in, start the run with <code>--host 0.0.0.0</code>.
          </p>
        )}
        {insecure && (
          <p class="small invite-hint">
            Over plain http, tabs on other machines compute on their CPU: browsers want https for a GPU. Start the run with{" "}
            <code>--tls</code>.
          </p>
        )}
        {(worker !== undefined || others.length > 0) && (
          <details>
            <summary>Other ways in</summary>
            {worker !== undefined && (
              <p class="small">
                <span class="quiet">From a terminal:</span>
                <br />
                <code>npx tabgrad worker {worker}</code>
              </p>
            )}
            {others.map((other) => (
              <p key={other} class="small number">
                {other}
              </p>
            ))}
          </details>
        )}
      </div>
    </div>
  );
}
