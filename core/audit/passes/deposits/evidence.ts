// SPDX-License-Identifier: AGPL-3.0-or-later
/** What the exchange's database says about confirmed deposits, and how far that database reaches. */
import { hashPolicy, hashWire } from "../../../crypto/objects.ts";
import type { PageParameter } from "../../../db/page.ts";
import type { ConfirmableDepositRow } from "../../../exchange/confirmation-rows.ts";
import { readRows, SERIALS_END } from "../../../exchange/source.ts";
import {
  decodeConfirmableDeposit,
  DEPOSIT_COUNTS,
  depositDigestSql,
  DEPOSITS_OF_COINS,
  DEPOSITS_OF_CONTRACTS,
  merchantShard,
  NEWEST_DEPOSIT,
} from "../../../exchange/v014/confirmations.ts";
import { parseExactJson } from "../../../taler/json.ts";
import { onceADay } from "../../daily.ts";
import { encodeHex } from "../../hex.ts";
import type { PassRun } from "../../pass.ts";
import { type Deposit, judgeConfirmation, type Outcome } from "./judge.ts";
import type { StoredConfirmation } from "./store.ts";

const NO_POLICY = new Uint8Array(64);
const UNREADABLE_POLICY = new Uint8Array(64).fill(0xff);

/** The policy hash of a deposit (crypto.md 1.6); what has none differs from everything. */
function policyHash(policy: string | undefined): Uint8Array {
  if (policy === undefined) return NO_POLICY;
  const parsed = parseExactJson(policy);
  return (parsed && hashPolicy(parsed.value)) ?? UNREADABLE_POLICY;
}

/** Merchant and contract. */
function contractKey(c: { merchantPub: Uint8Array; hContractTerms: Uint8Array }): string {
  return encodeHex(c.merchantPub) + encodeHex(c.hContractTerms);
}

/** The end of the serials of deposited coins that a run looks at. */
function depositsEnd(run: PassRun): bigint {
  return run.context.limits?.get("coin_deposits") ?? SERIALS_END;
}

/** Deposits of a page by merchant and contract. */
type Deposits = Map<string, Map<bigint, Deposit>>;

function toDeposit(row: ConfirmableDepositRow, hashes: Map<string, Uint8Array>): Deposit {
  const { payto, wireSalt } = row;
  let hWire: Uint8Array | undefined;
  if (payto !== undefined) {
    // a merchant uses one salt for its account over and over
    const key = `${encodeHex(wireSalt)} ${payto}`;
    hWire = hashes.get(key) ?? hashWire(wireSalt, payto);
    hashes.set(key, hWire);
  }
  return { ...row, hWire, hPolicy: policyHash(row.policy) };
}

async function addDeposits(
  run: PassRun,
  deposits: Deposits,
  hashes: Map<string, Uint8Array>,
  select: string,
  wanted: PageParameter[],
): Promise<void> {
  const parameters = [...wanted, depositsEnd(run)];
  const rows = await readRows(run.context.source, "coin_deposits", select, parameters, decodeConfirmableDeposit);
  for (const r of rows) {
    // an unreadable deposit was reported by the coins pass; it confirms nothing
    if (!("row" in r)) continue;
    const key = contractKey(r.row);
    const known = deposits.get(key) ?? new Map<bigint, Deposit>();
    known.set(r.serial, toDeposit(r.row, hashes));
    deposits.set(key, known);
  }
}

/**
 * Judges a page of confirmations, in their order. Deposits are looked up by the coin keys that a confirmation names;
 * because the exchange did not sign these, all deposits of the contract are looked at before one is called missing.
 */
export async function judgePage(run: PassRun, confirmations: StoredConfirmation[]): Promise<Outcome[]> {
  const deposits: Deposits = new Map();
  const hashes = new Map<string, Uint8Array>();
  const coins = confirmations.flatMap((c) => c.coinPubs.map((coin) => ({ coin, c })));
  if (coins.length === 0) return [];
  await addDeposits(run, deposits, hashes, DEPOSITS_OF_COINS, [
    coins.map(({ coin }) => encodeHex(coin)),
    coins.map(({ c }) => encodeHex(c.merchantPub)),
    coins.map(({ c }) => encodeHex(c.hContractTerms)),
  ]);
  const judge = (c: StoredConfirmation) =>
    judgeConfirmation(c, [...deposits.get(contractKey(c))?.values() ?? []], run.context.settings.currency);
  const outcomes = confirmations.map(judge);
  const failed = confirmations.filter((_, i) => !outcomes[i]!.found);
  if (failed.length === 0) return outcomes;
  await addDeposits(run, deposits, hashes, DEPOSITS_OF_CONTRACTS, [
    failed.map((c) => merchantShard(c.merchantPub)),
    failed.map((c) => encodeHex(c.merchantPub)),
    failed.map((c) => encodeHex(c.hContractTerms)),
  ]);
  return outcomes.map((outcome, i) => outcome.found ? outcome : judge(confirmations[i]!));
}

/** When the exchange took the youngest deposit that this run looks at, µs; 0 if there is none. */
export async function newestDeposit(run: PassRun): Promise<bigint> {
  const rows = await readRows(
    run.context.source,
    "batch_deposits",
    NEWEST_DEPOSIT,
    [depositsEnd(run)],
    (r) => r.time("exchange_timestamp"),
  );
  const [row] = rows;
  return row !== undefined && "row" in row ? row.row : 0n;
}

const COUNTED_END = "x:deposits:end";
const COUNTED_ROWS = "x:deposits:rows";

/** Before every serial, those out of range included. */
const FIRST = -(2n ** 63n);

/**
 * Whether deposits vanished or changed since the archive was judged last (BUG-4.6): then it has to be judged again.
 * Remembers the count of this run, to be called once in a run when there is, or will be, an archive. What is new is
 * counted in every run, everything once in a day.
 */
export async function depositsVanished(run: PassRun): Promise<boolean> {
  const until = depositsEnd(run);
  const end = run.counters.get(COUNTED_END);
  const rows = run.counters.get(COUNTED_ROWS);
  // a run over less than what was counted cannot tell
  if (end !== undefined && until < end) return false;
  const whole = onceADay(run, COMPARED) || end === undefined;
  const [counts] = await readRows(
    run.context.source,
    "coin_deposits",
    DEPOSIT_COUNTS,
    [end ?? 0n, until, whole ? FIRST : end],
    (r) => ({ before: r.int8("count"), now: r.int8("count") }),
  );
  if (counts === undefined || !("row" in counts)) return true;
  const late = await run.takeLate(DIGESTED, end ?? 0n);
  const counted = end === undefined || counts.serial > end ? counts.serial : end;
  // those that came late were not there when the others were counted
  const before = whole ? counts.row.before - BigInt(late.length) : rows ?? 0n;
  run.setCounter(COUNTED_END, counted);
  run.setCounter(COUNTED_ROWS, whole ? counts.row.now : before + counts.row.now + BigInt(late.length));
  const changed = await depositsChanged(run, counted, whole, late);
  return changed || end === undefined || rows === undefined || before < rows;
}

const DIGEST = "x:deposits:digest";
const DIGEST_END = "x:deposits:digest-end";
/** Counter: when all deposits were counted and compared with the digest, which costs ten times the count. */
const COMPARED = "x:deposits:digest-time";
/** The deposits of which {@link DIGEST} speaks. */
const DIGESTED = {
  source: { table: "coin_deposits", serial: "coin_deposit_serial_id" },
  progressKey: DIGEST_END,
} as const;

/**
 * Whether deposits changed since they were seen first, where their number did not. What is new is added to the digest
 * in every run, late rows among it, so that it speaks of what this run judges by.
 * @param whole compare all of them
 * @param late serials of those that came late
 */
async function depositsChanged(run: PassRun, end: bigint, whole: boolean, late: bigint[]): Promise<boolean> {
  const before = run.counters.get(DIGEST_END);
  let sum = run.counters.get(DIGEST) ?? 0n;
  let changed = before === undefined;
  if (late.length > 0) sum += await digestOf(run, late);
  if (whole) {
    const again = before === undefined ? 0n : await digestOf(run, 0n, before);
    changed ||= again !== sum;
    sum = again;
  }
  if (before === undefined || end > before) {
    sum += await digestOf(run, before ?? 0n, end);
    await run.passed(DIGESTED, before ?? 0n, end - 1n);
  }
  run.setCounter(DIGEST, sum);
  run.setCounter(DIGEST_END, end);
  return changed;
}

/** The digest of a range of deposits, or of some. */
async function digestOf(run: PassRun, ...among: [bigint, bigint] | [bigint[]]): Promise<bigint> {
  const select = depositDigestSql(among.length === 1);
  const [row] = await readRows(run.context.source, "coin_deposits", select, among, (r) => r.text("sum"));
  return row !== undefined && "row" in row && typeof row.row === "string" ? BigInt(row.row) : 0n;
}
