// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The verdicts on purses at the end of a run: on all that are new, on those that something happened to, that have
 * expired, or that an open finding is about. What is known of a purse is read again from the exchange's tables, page by
 * page, so that neither the order of its rows nor their number matters.
 */
import { buildBlock } from "../../../crypto/blocks.ts";
import { arrayLiteral, type PageParameter } from "../../../db/page.ts";
import type { PurseFactsRow } from "../../../exchange/purse-rows.ts";
import { readRows } from "../../../exchange/source.ts";
import {
  decodePurseFacts,
  GIVEN_PURSES,
  purseFactsSql,
  PURSES_IN_RANGE,
  REQUESTS_OF_PURSES,
  UNDECIDED_PURSES,
} from "../../../exchange/v014/purses.ts";
import { FRACTION_BASE, sumAmounts } from "../../../taler/amount.ts";
import { timeToDb } from "../../../taler/time.ts";
import { badSignature, rowInconsistency } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import type { StateWrite } from "../../store.ts";
import { TaskWriter } from "../../tasks.ts";
import { deletionsOf } from "./deleted.ts";
import { DECISION_GRACE, judgePurse, type PurseFacts, VERDICTS } from "./judge.ts";
import { DELETIONS_PROGRESS, type PursesState, RANK } from "./state.ts";

/** Keys of the findings on purses with several rows where there should be one. */
const REPEATED = "D-5:purse:";

/** A purse with its facts, and the contract that its owner signed. */
interface Purse extends PurseFacts {
  key: string;
  contract: PurseFactsRow["contract"];
}

/** What the list of open purses shows. */
interface Shown {
  balance: bigint;
  target: bigint;
  expiration: bigint;
}

/** Judges purses and brings the list of open ones up to date. */
export async function judgePurses(s: PursesState): Promise<void> {
  const { context } = s.run;
  const { from, until } = s.run.rangeOf("purse_request_serial_id");
  const list: StateWrite = { table: "auditor_purses", key: ["purse_pub"], upsert: [], remove: [] };
  let total = await openTotal(s);
  const judge = async (purses: Purse[]) => {
    total += await judgePage(s, purses, list);
  };
  for (let next = from;;) {
    const page = await readFacts(s, PURSES_IN_RANGE, [next, until, context.pageRows]);
    await judge(page.purses);
    if (page.last === undefined) break;
    next = page.last + 1n;
  }
  const old = [...await earlierPurses(s, from)].sort((a, b) => a < b ? -1 : 1);
  for (let i = 0; i < old.length; i += context.pageRows) {
    await judge((await readFacts(s, GIVEN_PURSES, [old.slice(i, i + context.pageRows)])).purses);
  }
  s.run.book.setTotal("purse_global_balance", sumAmounts("purse_global_balance", total));
  s.run.writes.push(list);
}

async function readFacts(
  s: PursesState,
  purses: string,
  parameters: PageParameter[],
): Promise<{ purses: Purse[]; last: bigint | undefined }> {
  const end = (progressKey: string) => s.run.rangeOf(progressKey).until;
  const rows = await readRows(s.run.context.source, "purse_requests", purseFactsSql(purses), [
    [...s.rejected.purse_deposits, ...s.unreadable],
    end("purse_deposits_serial_id"),
    end("purse_merges_serial_id"),
    end("purse_account_merge_serial_id"),
    end("purse_decision_serial_id"),
    ...parameters,
  ], decodePurseFacts);
  // an unreadable request was reported by its stage
  const readable = judgedOnce(s, rows.flatMap((r) => "row" in r ? [{ serial: r.serial, row: r.row }] : []));
  const deletions = await deletionsOf(s.run, readable.map(({ row }) => row.pursePub));
  const counts = (serial: bigint) => serial < end(DELETIONS_PROGRESS) && !s.rejected.purse_deletion.has(serial);
  return {
    last: rows.at(-1)?.serial,
    purses: readable.map(({ serial, row }) => {
      const key = encodeHex(row.pursePub);
      return purseOf(s, serial, { ...row, key, deleted: deletions.get(key)?.some(counts) === true });
    }),
  };
}

/** D-5: a purse with several rows where there should be one is judged by the first of each. */
function judgedOnce<Fact extends { serial: bigint; row: PurseFactsRow }>(s: PursesState, facts: Fact[]): Fact[] {
  const purses = Map.groupBy(facts, ({ serial, row }) => `${serial} ${encodeHex(row.pursePub)}`);
  for (const [{ serial, row }, another] of [...purses.values()] as [Fact, Fact?][]) {
    const text = "serial number is not unique";
    const finding = another && rowInconsistency("D-5", "purse_requests", serial, text);
    s.run.book.settle(`${REPEATED}${encodeHex(row.pursePub)}`, { stage: RANK.purses, serial }, finding);
  }
  return [...purses.values()].map(([first]) => first!);
}

function purseOf(s: PursesState, serial: bigint, row: PurseFactsRow & Pick<Purse, "key" | "deleted">): Purse {
  const { merge, consent } = row;
  return {
    ...row,
    serial,
    merge: merge && { ...merge, valid: !s.rejected.purse_merges.has(merge.serial) },
    consent: consent && { ...consent, valid: !s.rejected.account_merges.has(consent.serial) },
  };
}

/** Judges some purses; returns by how much the money in open purses changed. */
async function judgePage(s: PursesState, purses: Purse[], list: StateWrite): Promise<bigint> {
  const { now, internal } = s.run.context;
  await checkContracts(s, purses);
  for (const purse of purses) {
    const fees = s.globalFees.filter((g) => g.start <= purse.creation && purse.creation < g.end).map((g) => g.purseFee);
    const found = judgePurse(purse, { now, fees, internal });
    for (const verdict of VERDICTS) {
      if (verdict === "PU-R8" && !internal) continue; // not judged by this run
      const { serial, finding, effects } = found.get(verdict) ?? { serial: purse.serial };
      s.run.book.settle(`${verdict}:${purse.key}`, { stage: RANK.purses, serial }, finding, effects);
    }
  }
  return await showOpen(s, purses, list);
}

/**
 * PU-R10: the encrypted contract must be the one that the purse's owner signed. No money depends on it. It is looked at
 * when something happens to the purse; it can be gone when the purse was deleted, and the finding with it.
 */
async function checkContracts(s: PursesState, all: Purse[]): Promise<void> {
  const { pool, settings: { currency } } = s.run.context;
  const { from } = s.run.rangeOf("purse_request_serial_id");
  const purses = all.filter((p) => p.serial >= from || s.touched.has(p.serial) || s.run.stored.has(`PU-R10:${p.key}`));
  const tasks = new TaskWriter();
  const written = purses.map(({ pursePub, contract }) => {
    if (contract === undefined) return undefined;
    const { contractPub, contractSig, hEncryptedContract } = contract;
    const message = buildBlock("purseContract", currency, { hEncryptedContract, contractPub });
    return tasks.ed25519(pursePub, contractSig, message);
  });
  const verdicts = tasks.count === 0 ? [] : await pool.run(tasks);
  purses.forEach(({ key, pursePub, contract }, i) => {
    const task = written[i];
    const bad = contract !== undefined && task !== undefined && verdicts[task] !== 1;
    const serial = contract?.serial ?? 0n;
    const finding = bad ? badSignature("PU-R10", "purse-contract", serial, 0n, pursePub) : undefined;
    s.run.book.settle(`PU-R10:${key}`, { stage: RANK.purses, serial }, finding);
  });
}

async function openTotal(s: PursesState): Promise<bigint> {
  const rows = await s.run.context.auditor`SELECT coalesce(sum((balance).val), 0)::text AS val,
    coalesce(sum((balance).frac), 0)::text AS frac FROM auditor.auditor_purses`;
  return BigInt(rows[0]!["val"] as string) * FRACTION_BASE + BigInt(rows[0]!["frac"] as string);
}

async function loadShown(s: PursesState, purses: Purse[]): Promise<Map<string, Shown>> {
  const rows = await s.run.context.auditor.unsafe(
    `SELECT encode(purse_pub, 'hex') AS key, (balance).val AS val, (balance).frac AS frac, (target).val AS target_val,
       (target).frac AS target_frac, expiration_date
     FROM auditor.auditor_purses WHERE purse_pub IN (SELECT decode(x, 'hex') FROM unnest($1::text[]) x)`,
    [arrayLiteral(purses.map((p) => p.key))],
  );
  return new Map(rows.map((r) => [r["key"] as string, {
    balance: (r["val"] as bigint) * FRACTION_BASE + BigInt(r["frac"] as number),
    target: (r["target_val"] as bigint) * FRACTION_BASE + BigInt(r["target_frac"] as number),
    expiration: r["expiration_date"] as bigint,
  }]));
}

const amount = (atoms: bigint) => ({ val: (atoms / FRACTION_BASE).toString(), frac: Number(atoms % FRACTION_BASE) });

/** Brings the list of open purses up to date (BUG-5.4); returns by how much the money in it changes (PU-R7). */
async function showOpen(s: PursesState, purses: Purse[], list: StateWrite): Promise<bigint> {
  const shown = await loadShown(s, purses);
  let change = 0n;
  for (const { key, decision, deposited, target, expiration } of purses) {
    const before = shown.get(key);
    change -= before?.balance ?? 0n;
    if (decision !== undefined) {
      if (before !== undefined) list.remove.push({ purse_pub: "\\x" + key });
      continue;
    }
    change += deposited;
    const date = timeToDb(expiration);
    if (before?.balance === deposited && before.target === target && before.expiration === date) continue;
    list.upsert.push({
      purse_pub: "\\x" + key,
      balance: amount(deposited),
      target: amount(target),
      expiration_date: date.toString(),
    });
  }
  return change;
}

/** Serials of the requests of earlier purses that have to be judged again. */
async function earlierPurses(s: PursesState, end: bigint): Promise<Set<bigint>> {
  const { source, auditor, pageRows } = s.run.context;
  const serials = new Set(s.touched);
  const expired = await auditor.unsafe(
    "SELECT encode(purse_pub, 'hex') AS key FROM auditor.auditor_purses WHERE expiration_date < $1",
    [timeToDb(s.run.context.now - DECISION_GRACE)] as never[],
  );
  const prefixes = [...[...VERDICTS, "PU-R10"].map((v) => `${v}:`), REPEATED];
  const standing = [...s.run.stored.keys()].filter((key) => prefixes.some((p) => key.startsWith(p)))
    .map((key) => key.slice(key.lastIndexOf(":") + 1)).filter((key) => /^[0-9a-f]{64}$/.test(key));
  const keys = [...new Set([...expired.map((r) => r["key"] as string), ...standing])];
  for (let i = 0; i < keys.length; i += pageRows) {
    const some = keys.slice(i, i + pageRows);
    for (const { serial } of await readRows(source, "purse_requests", REQUESTS_OF_PURSES, [some], () => null)) {
      if (serial < end) serials.add(serial);
    }
  }
  if (!s.complete) await addUndecided(s, serials, end);
  return serials;
}

/** The first run after an audit by another program: its list of open purses cannot be trusted (BUG-5.4). */
async function addUndecided(s: PursesState, serials: Set<bigint>, end: bigint): Promise<void> {
  const { source, pageRows } = s.run.context;
  for (let next = 0n;;) {
    const page = await readRows(source, "purse_requests", UNDECIDED_PURSES, [next, end, pageRows], () => null);
    for (const { serial } of page) serials.add(serial);
    const last = page.at(-1)?.serial;
    if (last === undefined) return;
    next = last + 1n;
  }
}
