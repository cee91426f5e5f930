// The virtual clock of a world, what is to happen when, and the draws that decide how long things take.

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** What is due first happens first; of what is due at the same time, what was entered first. */
export class Agenda {
  /** Virtual milliseconds. */
  now = 0;
  private readonly entries: Entry[] = [];
  private order = 0;
  private random: number;

  constructor(seed: number) {
    this.random = seed;
  }

  at(at: number, run: () => void): void {
    this.entries.push({ at, order: ++this.order, run });
  }

  /** Turns the clock to what comes next, and takes that off the agenda, which must not be empty. */
  next(): () => void {
    const { at, run } = this.entries.sort((a, b) => a.at - b.at || a.order - b.order).shift()!;
    this.now = Math.max(this.now, at);
    return run;
  }

  /** 0 to 1, from the seed (Park and Miller, 1988). */
  draw(): number {
    this.random = ((this.random || 1) * 48_271) % 2_147_483_647;
    return this.random / 2_147_483_647;
  }
}
