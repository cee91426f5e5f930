// Tells whoever starts a run how to watch it, and how others join: links, a command, and a code to scan.
import { linkForOthers } from "@tabgrad/coordinator";
import type { Links } from "@tabgrad/core";
import pc from "picocolors";
import type { Logger } from "pino";
import { renderUnicodeCompact } from "uqr";
import type { Tls } from "../tls/index.ts";

export interface Invitation {
  readonly links: Links;
  /** For whoever started the run, and whom he gives it to. */
  readonly controlToken: string;
  readonly tls?: Pick<Tls, "fingerprint" | "file" | "selfSigned">;
}

const onlyHere = "Only this machine is let in; --host 0.0.0.0 lets others join.";
const hiddenGpus =
  "Browsers hide their GPU from pages that come over plain http: tabs on other machines compute on the CPU. --tls gives them https.";

/** For people in front of a terminal. */
export function invitationText(invitation: Invitation, { qr }: { readonly qr: boolean }): string {
  const { links, tls } = invitation;
  const others = linkForOthers(links.join);
  const lines = [
    ...row("Dashboard", [`${pc.cyan(controlLink(invitation))}  ${pc.dim("yours: it controls the run")}`]),
    ...row("Watch", links.watch.map(pc.cyan)),
    ...row("Join", links.join.map(pc.cyan)),
    ...row("Terminal", commands(invitation).map(pc.green)),
    ...(tls ? row("Certificate", [tls.file, `SHA-256 ${tls.fingerprint}`, ...(tls.selfSigned ? [pc.dim(comparing)] : [])]) : []),
  ];
  if (others === undefined) lines.push("", pc.dim(onlyHere));
  else if (qr) lines.push("", ...scannable(others), pc.dim(`scan to join: ${others}`));
  if (isHidden(others)) lines.push("", pc.dim(hiddenGpus));
  return `\n${lines.map((line) => (line === "" ? line : `  ${line}`)).join("\n")}\n`;
}

/** The same for a log of JSON lines. */
export function logInvitation(invitation: Invitation, log: Logger): void {
  const { links, tls } = invitation;
  const others = linkForOthers(links.join);
  const control = controlLink(invitation);
  log.info({ control, watch: links.watch }, `Watch and control the run at ${control}`);
  log.info({ join: links.join, scan: others }, `Join from a browser at ${others ?? links.join[0]}`);
  for (const command of commands(invitation)) log.info({ command }, `Join with: ${command}`);
  if (tls) log.info({ certificate: tls.file, fingerprint: tls.fingerprint }, `The certificate is ${tls.file}`);
  if (others === undefined) log.info(onlyHere);
  if (isHidden(others)) log.info(hiddenGpus);
}

const comparing = "Browsers warn of it: see that they show the same fingerprint, and go on.";

/** In the fragment, which a browser keeps to itself. */
const controlLink = ({ links, controlToken }: Invitation): string => `${links.watch[0]}#control=${controlToken}`;

/** What workers in a terminal type. */
function commands({ links, tls }: Invitation): string[] {
  return links.worker.map((url) => {
    const trust = tls?.selfSigned && url.startsWith("https:") ? ` --ca ${quoted(tls.file)}` : "";
    return `npx tabgrad worker ${url}${trust}`;
  });
}

const quoted = (path: string): string => (/^[\w./:\\~-]+$/.test(path) ? path : `"${path}"`);

const isHidden = (others: string | undefined): boolean => others?.startsWith("http:") ?? false;

/** One label, and lines that stand under each other. */
const row = (label: string, lines: readonly string[]): string[] =>
  lines.map((line, i) => `${(i === 0 ? pc.bold(label) : "") + " ".repeat(i === 0 ? 13 - label.length : 13)}${line}`);

/** Light on dark whatever the terminal's colours, as cameras expect the frame to be light. */
const scannable = (link: string): string[] =>
  renderUnicodeCompact(link, { border: 2 })
    .split("\n")
    .map((line) => pc.bgBlack(pc.whiteBright(line)));
