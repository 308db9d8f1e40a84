// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The book of one run of a pass: findings, balances and progress are collected here and committed at the end, at once.
 *
 * There are two kinds of findings. An *event* is reported once, when its row is audited, and stays. A *standing* finding
 * has a key and can change: every run that can judge it settles it anew, as open or as gone. Balances that are part of
 * a standing finding follow it up and down.
 */
import type { Finding } from "./findings.ts";

/** What a finding adds to balances: key to atoms. */
export type Effects = Record<string, bigint>;

/** Where a finding stands in the order of the audit: stage, serial of the row, and order of emission. */
export interface Place {
  stage: number;
  serial: bigint;
}

/** A finding of this run, in its place. */
export interface EventEntry extends Place {
  order: number;
  finding: Finding;
}

/** The verdict of this run on a standing finding. */
export interface StandingEntry extends Place {
  order: number;
  finding: Finding | undefined;
  effects: Effects;
}

/** Collects what a run of a pass found out. */
export class Book {
  readonly events: EventEntry[] = [];
  readonly standing = new Map<string, StandingEntry>();
  /** Standing findings whose key begins so and that were not settled in this run are gone. */
  readonly swept: string[] = [];
  /** Changes of balances by events, in atoms. */
  readonly balances = new Map<string, bigint>();
  /** Balances that are not sums of events but follow from the state; they are set, not added to. */
  readonly totals = new Map<string, bigint>();
  /** New progress points. */
  readonly progress = new Map<string, bigint>();
  #order = 0;

  /** Reports a finding that stays, and what it adds to balances. */
  report(place: Place, finding: Finding, effects: Effects = {}): void {
    this.events.push({ ...place, order: this.#order++, finding });
    for (const [key, atoms] of Object.entries(effects)) this.add(key, atoms);
  }

  readonly #stored: ReadonlyMap<string, unknown> | undefined;

  /** @param stored standing findings of earlier runs by their keys; without it every one is taken for possible */
  constructor(stored?: ReadonlyMap<string, unknown>) {
    this.#stored = stored;
  }

  /**
   * Settles a standing finding: open with these effects, or gone. Settled again, it keeps its order. One that is not
   * there and never was leaves no trace: memory must not grow with what is in order.
   */
  settle(key: string, place: Place, finding: Finding | undefined, effects: Effects = {}): void {
    if (finding === undefined && this.#stored?.has(key) === false && !this.standing.has(key)) return;
    const order = this.standing.get(key)?.order ?? this.#order++;
    this.standing.set(key, { ...place, order, finding, effects });
  }

  /** Says that every standing finding under this prefix was judged by this run. */
  sweep(prefix: string): void {
    this.swept.push(prefix);
  }

  /** Adds to a balance. */
  add(key: string, atoms: bigint): void {
    if (atoms !== 0n) this.balances.set(key, (this.balances.get(key) ?? 0n) + atoms);
  }

  /** Sets a balance that follows from the state. */
  setTotal(key: string, atoms: bigint): void {
    this.totals.set(key, atoms);
  }
}

/** Order of the audit: stage, serial, emission (audit chapter 0.3). */
export function inAuditOrder(a: Place & { order: number }, b: Place & { order: number }): number {
  if (a.stage !== b.stage) return a.stage - b.stage;
  if (a.serial !== b.serial) return a.serial < b.serial ? -1 : 1;
  return a.order - b.order;
}
