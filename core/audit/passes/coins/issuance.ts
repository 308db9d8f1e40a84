// SPDX-License-Identifier: AGPL-3.0-or-later
/** Stage 1 of the coins pass: withdrawals, plain and age-restricted (C-6, X-4, X-7). */
import type { AgeWithdrawalRow, WithdrawalRow } from "../../../exchange/rows.ts";
import { AGE_WITHDRAWALS, WITHDRAWALS } from "../../../exchange/v014/coins.ts";
import { parseBlindedSignature } from "../../../taler/denomination.ts";
import type { Denomination } from "../../denominations.ts";
import { rowInconsistency } from "../../findings.ts";
import type { Stage, StageRow } from "../../pass.ts";
import { DENOMINATION } from "../../revisits.ts";
import type { TaskWriter } from "../../tasks.ts";
import { book, type CoinsState, denominationOf, partOf, RANK, readAgain, unknownKey } from "./state.ts";

/** `undefined`: cannot be verified from the database; -1: cannot be valid; else the task. */
type EnvelopeTask = number | undefined;

/**
 * The exchange's blind signature must belong to the withdrawn envelope. Of a Clause-Schnorr withdrawal the
 * database keeps neither the challenge nor R, so that only its form can be checked.
 */
function envelopeTask(
  d: Denomination | undefined,
  blob: Uint8Array,
  hBlindedCoin: Uint8Array,
  tasks: TaskWriter,
): EnvelopeTask {
  if (d === undefined) return undefined;
  const signature = parseBlindedSignature(blob);
  if (signature === undefined || signature.cipher !== d.key.cipher) return -1;
  return signature.cipher === "RSA" ? tasks.envelope(d.key, signature.value, hBlindedCoin) : undefined;
}

function checkEnvelope(
  s: CoinsState,
  rank: number,
  table: string,
  row: bigint,
  task: EnvelopeTask,
  good: (task: number) => boolean,
): void {
  if (task === undefined || (task >= 0 && good(task))) return;
  s.run.book.report(
    { stage: rank, serial: row },
    rowInconsistency("X-7", table, row, "blind signature does not belong to the withdrawn coin"),
  );
}

/** Plain withdrawals. The reserve's signature is checked in the reserves pass. */
export function withdrawalsStage(s: CoinsState): Stage<WithdrawalRow, EnvelopeTask> {
  const stage: Stage<WithdrawalRow, EnvelopeTask> = {
    rank: RANK.withdrawals,
    source: WITHDRAWALS,
    progressKey: "coins_withdraw_serial_id",
    prepare: (rows, tasks) =>
      rows.map(({ row }) =>
        envelopeTask(s.denominations.lookup(row.denominationSerial), row.blindedSig, row.hBlindedCoin, tasks)
      ),
    book: (r, task, good) => {
      const { serial, row } = r;
      const d = denominationOf(s, stage, r, "C-6", "withdraw", row.denominationSerial);
      if (d === undefined) return;
      checkEnvelope(s, RANK.withdrawals, "reserves_out", serial, task, good);
      book(s, d, { event: "issue", value: d.value });
    },
  };
  return stage;
}

/** Age-restricted withdrawals, which the reference does not audit. */
export function ageWithdrawalsStage(s: CoinsState): Stage<AgeWithdrawalRow, EnvelopeTask[]> {
  const stage: Stage<AgeWithdrawalRow, EnvelopeTask[]> = {
    rank: RANK.ageWithdrawals,
    source: AGE_WITHDRAWALS,
    progressKey: "x:coins:age_withdraw",
    prepare: (rows, tasks) =>
      rows.map(({ row }) =>
        row.denominationSerials.map((serial, i) => {
          const hash = row.hBlindedCoins[i];
          if (hash?.length !== 64) return -1;
          return envelopeTask(s.denominations.lookup(serial), row.blindedSigs[i] ?? new Uint8Array(0), hash, tasks);
        })
      ),
    book: (r, envelopes, good) => bookAgeWithdrawal(s, stage, r, envelopes, good),
  };
  return stage;
}

function bookAgeWithdrawal(
  s: CoinsState,
  stage: Stage<AgeWithdrawalRow, EnvelopeTask[]>,
  r: StageRow<AgeWithdrawalRow>,
  envelopes: EnvelopeTask[],
  good: (task: number) => boolean,
): void {
  const { serial: row, reason } = r;
  const { denominationSerials, hBlindedCoins, blindedSigs } = r.row;
  const again = reason === DENOMINATION;
  if (!again && [hBlindedCoins, blindedSigs].some((list) => list.length !== denominationSerials.length)) {
    const text = `names ${denominationSerials.length} denominations, ${hBlindedCoins.length} blinded coins and ` +
      `${blindedSigs.length} blind signatures`;
    s.run.book.report({ stage: stage.rank, serial: row }, rowInconsistency("X-4", "age_withdraw", row, text));
  }
  let unknown = false;
  denominationSerials.forEach((denomination, part) => {
    // of a row that is read again, only what was not known before is not booked yet
    if (again && !s.run.stored.has(unknownKey("C-6", stage, row, part))) return;
    const d = partOf(s, stage, { check: "C-6", table: "age_withdraw", row, denomination, part });
    if (d === undefined) {
      unknown = true;
      return;
    }
    checkEnvelope(s, RANK.ageWithdrawals, "age_withdraw", row, envelopes[part], good);
    book(s, d, { event: "issue", value: d.value });
  });
  readAgain(s, stage, r, unknown ? DENOMINATION : undefined);
}
