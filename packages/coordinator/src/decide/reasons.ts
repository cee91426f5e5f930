// Why the coordinator did what it did: data for the journal and the dashboard, and a sentence for people.

export type Reason =
  | { readonly kind: "joined"; readonly worker: string; readonly workers: number }
  | { readonly kind: "left"; readonly worker: string; readonly why: string; readonly returned: number; readonly workers: number }
  | { readonly kind: "failed"; readonly worker: string; readonly why: string; readonly returned: number; readonly failures: number }
  | { readonly kind: "dismissed"; readonly worker: string; readonly failures: number }
  | { readonly kind: "discarded"; readonly worker: string; readonly why: string }
  | { readonly kind: "waiting"; readonly workers: number; readonly needed: number }
  | { readonly kind: "running"; readonly workers: number; readonly step: number };

const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : noun.endsWith("ch") ? "es" : "s"}`;

export function sentence(reason: Reason): string {
  switch (reason.kind) {
    case "joined":
      return `${reason.worker} joined; ${counted(reason.workers, "worker")} now.`;
    case "left": {
      const returned = reason.returned > 0 ? ` Its ${counted(reason.returned, "microbatch")} went back.` : "";
      return `${reason.worker} left (${reason.why}); ${counted(reason.workers, "worker")} now.${returned}`;
    }
    case "failed":
      return `${reason.worker} could not do ${counted(reason.returned, "microbatch")}: ${reason.why}. They went back.`;
    case "dismissed":
      return `${reason.worker} was sent away after ${counted(reason.failures, "failure")} in a row.`;
    case "discarded":
      return `A contribution of ${reason.worker} was discarded: ${reason.why}.`;
    case "waiting":
      return `Waiting for workers: ${reason.workers} here, ${reason.needed} needed.`;
    case "running":
      return `Computing step ${reason.step} with ${counted(reason.workers, "worker")}.`;
    default:
      return reason satisfies never;
  }
}
