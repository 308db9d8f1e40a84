// SPDX-License-Identifier: AGPL-3.0-or-later
/** The verdict on a deposit confirmation from the deposits that the exchange has (deposits chapter 4). Pure. */
import { equalBytes } from "../../../crypto/hash.ts";
import { formatAmount } from "../../../taler/amount.ts";
import { DAY, HOUR, NEVER } from "../../../taler/time.ts";

/** What the exchange confirmed to a merchant. */
export interface Confirmation {
  hContractTerms: Uint8Array;
  /** Zeros when the deposit is subject to no policy. */
  hPolicy: Uint8Array;
  hWire: Uint8Array;
  exchangeTimestamp: bigint;
  refundDeadline: bigint;
  wireDeadline: bigint;
  totalWithoutFee: bigint;
  coinPubs: Uint8Array[];
  /** One for each coin; the exchange signed these and not the coin keys. */
  coinSigs: Uint8Array[];
  merchantPub: Uint8Array;
}

/** A deposit for the same contract and merchant, with the hashes that a confirmation has. */
export interface Deposit {
  serial: bigint;
  coinPub: Uint8Array;
  coinSig: Uint8Array;
  amount: bigint;
  feeDeposit: bigint | undefined;
  expireLegal: bigint | undefined;
  exchangeTimestamp: bigint;
  refundDeadline: bigint;
  wireDeadline: bigint;
  /** Undefined when the exchange does not have the account. */
  hWire: Uint8Array | undefined;
  hPolicy: Uint8Array;
}

/** What became of a confirmation. */
export type Outcome =
  | {
    found: true;
    /** From then on the exchange may delete the deposits, µs (sync chapter C.2: G6, G9). */
    legalUntil: bigint;
  }
  | { found: false; check: "DC-1" | "DC-R1"; diagnostic: string };

/** The exchange may delete a deposit this long after its wire deadline (sync chapter C.2: G9). */
const RETENTION = 3650n * DAY;

/** In what a deposit differs from its confirmation. */
interface Mismatch {
  /** What the reference compares as well. */
  check: "DC-1" | "DC-R1";
  what: string;
}

function mismatches(c: Confirmation, coinSig: Uint8Array, d: Deposit): Mismatch[] {
  const found: Mismatch[] = [];
  const compare = (same: boolean, check: Mismatch["check"], what: string) => {
    if (!same) found.push({ check, what });
  };
  compare(d.refundDeadline === c.refundDeadline, "DC-1", "refund deadline");
  compare(d.hWire !== undefined && equalBytes(d.hWire, c.hWire), "DC-1", "wire account");
  compare(equalBytes(d.coinSig, coinSig), "DC-R1", "coin signature");
  compare(d.exchangeTimestamp === c.exchangeTimestamp, "DC-R1", "exchange timestamp");
  compare(d.wireDeadline === c.wireDeadline, "DC-R1", "wire deadline");
  compare(equalBytes(d.hPolicy, c.hPolicy), "DC-R1", "policy");
  return found;
}

/**
 * Looks for each confirmed coin among the deposits. A deposit belongs to a coin if it has the coin's signature, or at
 * least its key: the exchange answers for what it signed, and a confirmation with other coin keys would accuse it
 * falsely. No deposit stands for two coins.
 */
export function judgeConfirmation(c: Confirmation, deposits: readonly Deposit[], currency: string): Outcome {
  const left = new Set(deposits);
  const problems: string[] = [];
  let check: "DC-1" | "DC-R1" = "DC-R1";
  let total: bigint | undefined = 0n;
  let legalUntil = c.wireDeadline > NEVER - RETENTION ? NEVER : c.wireDeadline + RETENTION;
  c.coinSigs.forEach((coinSig, i) => {
    const candidates = [...left].filter((d) => equalBytes(d.coinSig, coinSig) || equalBytes(d.coinPub, c.coinPubs[i]!))
      .map((deposit) => ({ deposit, wrong: mismatches(c, coinSig, deposit) }))
      .sort((a, b) => a.wrong.length - b.wrong.length);
    const name = `coin ${i + 1} of ${c.coinSigs.length}`;
    const [best] = candidates;
    if (best === undefined) {
      check = "DC-1";
      problems.push(`${name} was not deposited`);
      return;
    }
    left.delete(best.deposit);
    if (best.wrong.length > 0) problems.push(`${name}: ${best.wrong.map((w) => `${w.what} differs`).join(", ")}`);
    if (best.wrong.some((w) => w.check === "DC-1")) check = "DC-1";
    const { amount, feeDeposit, expireLegal } = best.deposit;
    total = feeDeposit === undefined || total === undefined ? undefined : total + amount - feeDeposit;
    if (expireLegal !== undefined && expireLegal < legalUntil) legalUntil = expireLegal;
  });
  if (problems.length === 0 && total !== c.totalWithoutFee) {
    const sum = total === undefined ? "an unknown amount" : formatAmount(currency, total);
    problems.push(`the deposits come to ${sum} without fees`);
  }
  return problems.length === 0
    ? { found: true, legalUntil }
    : { found: false, check, diagnostic: shorten(problems.join("; ")) };
}

/** A confirmation can name many coins; nobody reads about all of them. */
const MAX_DIAGNOSTIC = 500;

function shorten(text: string): string {
  return text.length <= MAX_DIAGNOSTIC ? text : text.slice(0, MAX_DIAGNOSTIC - 2) + " …";
}

/** A database that reaches this much beyond a confirmation would have its deposits (BUG-4.3). */
const PROOF_MARGIN = HOUR;

/** Clocks by which the age of a confirmation is judged, µs. */
export interface Clocks {
  now: bigint;
  /** When the exchange took the youngest deposit of its database; 0 if there is none. */
  newest: bigint;
  gracePeriod: bigint;
}

/**
 * What it means that a confirmed deposit is not there: `proven` when the exchange's database has deposits that were
 * taken clearly later (BUG-4.4), `pending` while it may still come (BUG-4.3), else `missed`. A confirmation from the
 * future is not young.
 */
export function judgeAbsence(exchangeTimestamp: bigint, clocks: Clocks): "proven" | "pending" | "missed" {
  const { now, newest, gracePeriod } = clocks;
  if (newest > exchangeTimestamp + PROOF_MARGIN) return "proven";
  const young = exchangeTimestamp + gracePeriod > now && exchangeTimestamp <= now + gracePeriod;
  return gracePeriod > 0n && young ? "pending" : "missed";
}
