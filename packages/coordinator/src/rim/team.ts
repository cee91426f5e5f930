// The workers that take part, each with its connection and what it said of itself.
import type { Hello, Vitals } from "@tabgrad/core";
import type { WorkerIdentity } from "../decide/index.ts";
import type { Connection } from "./connection.ts";

export interface Member {
  readonly connection: Connection;
  readonly identity: WorkerIdentity;
}

export class Team {
  private readonly members = new Map<string, Member>();

  get size(): number {
    return this.members.size;
  }

  get(id: string): Member | undefined {
    return this.members.get(id);
  }

  /** A name that somebody has already gets a number. */
  join(connection: Connection, { name, host, engine, device }: Hello): WorkerIdentity {
    const { id } = connection;
    const identity = { id, name: this.uniqueName(name), host, engine, device };
    this.members.set(id, { connection, identity });
    return identity;
  }

  /** Undefined where it has left already. */
  leave(id: string): Member | undefined {
    const member = this.members.get(id);
    this.members.delete(id);
    return member;
  }

  vitals(): Vitals[] {
    return [...this.members.values()].map(({ connection }) => connection.vitals);
  }

  private uniqueName(name: string): string {
    const taken = new Set([...this.members.values()].map(({ identity }) => identity.name));
    let unique = name;
    for (let i = 2; taken.has(unique); i++) unique = `${name} (${i})`;
    return unique;
  }
}
