// What whoever starts a run is told: how to watch it and how others join, for people and for programs.
import { pino } from "pino";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { invitationText, logInvitation, type Invitation } from "../src/output/invitation.ts";

const here: Invitation = {
  links: {
    watch: ["http://127.0.0.1:7070/"],
    join: ["http://127.0.0.1:7070/join"],
    worker: ["http://127.0.0.1:7070"],
  },
  controlToken: "secret",
};

const everywhere = (scheme: "http" | "https"): Invitation => ({
  links: {
    watch: [...here.links.watch, `${scheme}://192.168.1.5:7070/`],
    join: [...here.links.join, `${scheme}://192.168.1.5:7070/join`],
    worker: [...here.links.worker, `${scheme}://192.168.1.5:7070`],
  },
  controlToken: "secret",
  ...(scheme === "https" && {
    tls: { fingerprint: "AB:CD", file: "/home/ada/my settings/certificate.pem", selfSigned: true },
  }),
});

const text = (invitation: Invitation, qr = false): string => stripVTControlCharacters(invitationText(invitation, { qr }));

describe("an invitation for people", () => {
  it("says that nobody else is let in, and how others would be", () => {
    expect(text(here, true)).toBe(`
  Dashboard    http://127.0.0.1:7070/#control=secret  yours: it controls the run
  Watch        http://127.0.0.1:7070/
  Join         http://127.0.0.1:7070/join
  Terminal     npx tabgrad worker http://127.0.0.1:7070

  Only this machine is let in; --host 0.0.0.0 lets others join.
`);
  });

  it("stands in columns, with all addresses, and what a worker needs to trust", () => {
    expect(text(everywhere("https"))).toBe(`
  Dashboard    http://127.0.0.1:7070/#control=secret  yours: it controls the run
  Watch        http://127.0.0.1:7070/
               https://192.168.1.5:7070/
  Join         http://127.0.0.1:7070/join
               https://192.168.1.5:7070/join
  Terminal     npx tabgrad worker http://127.0.0.1:7070
               npx tabgrad worker https://192.168.1.5:7070 --ca "/home/ada/my settings/certificate.pem"
  Certificate  /home/ada/my settings/certificate.pem
               SHA-256 AB:CD
               Browsers warn of it: see that they show the same fingerprint, and go on.
`);
  });

  it("has a code of the link for others to scan, where it is asked for", () => {
    const lines = text(everywhere("https"), true).split("\n");
    const code = lines.filter((line) => line.includes("█"));
    expect(new Set(code.map((line) => line.length)).size).toBe(1);
    expect(code.length).toBeGreaterThan(10);
    expect(lines).toContain("  scan to join: https://192.168.1.5:7070/join");
    expect(text(everywhere("https"))).not.toContain("█");
  });

  it("says why tabs on other machines find no GPU over plain http", () => {
    expect(text(everywhere("http"))).toContain("--tls gives them https");
    expect(text(everywhere("https"))).not.toContain("--tls");
  });

  it("has no word of --ca where somebody else vouches for the certificate", () => {
    const tls = { fingerprint: "AB:CD", file: "cert.pem", selfSigned: false };
    expect(text({ ...everywhere("https"), tls })).not.toMatch(/--ca|warn/);
  });
});

describe("an invitation for programs", () => {
  const lines = (invitation: Invitation): Record<string, unknown>[] => {
    const written: Record<string, unknown>[] = [];
    const log = pino({}, { write: (line) => written.push(JSON.parse(line) as Record<string, unknown>) });
    logInvitation(invitation, log);
    return written;
  };

  it("has the links as fields", () => {
    const invitation = everywhere("https");
    const { watch, join } = invitation.links;
    const fields = Object.assign({}, ...lines(invitation)) as Record<string, unknown>;
    expect(fields).toMatchObject({
      control: "http://127.0.0.1:7070/#control=secret",
      watch,
      join,
      scan: "https://192.168.1.5:7070/join",
      certificate: "/home/ada/my settings/certificate.pem",
      fingerprint: "AB:CD",
    });
  });

  it("has a line for each way to join from a terminal", () => {
    const messages = lines(everywhere("http")).map(({ msg }) => msg);
    expect(messages).toContain("Join with: npx tabgrad worker http://127.0.0.1:7070");
    expect(messages).toContain("Join with: npx tabgrad worker http://192.168.1.5:7070");
    expect(lines(here).map(({ msg }) => msg)).toContain("Only this machine is let in; --host 0.0.0.0 lets others join.");
  });
});
