// SPDX-License-Identifier: AGPL-3.0-or-later
/** Stages 2 and 8 of the coins pass: recoups to reserves and to old coins (C-7, C-8, C-26 to C-31, D-8, D-9, X-7). */
import { buildBlock } from "../../../crypto/blocks.ts";
import { hashBlindedCoin, hashCoin } from "../../../crypto/objects.ts";
import type { CoinReference, RecoupRefreshRow, RecoupRow } from "../../../exchange/rows.ts";
import { RECOUP_REFRESHES, RECOUPS } from "../../../exchange/v014/coins.ts";
import { concat } from "../../../crypto/hash.ts";
import { parsePlanchet, parseWithdrawValues } from "../../../taler/denomination.ts";
import { rowInconsistency } from "../../findings.ts";
import type { AnyStage, Stage, StageRow } from "../../pass.ts";
import { DENOMINATION } from "../../revisits.ts";
import type { TaskWriter } from "../../tasks.ts";
import { checkCoin, reportBadSignature } from "./spending.ts";
import {
  book,
  type CoinsState,
  denominationOf,
  partOf,
  RANK,
  readAgain,
  reject,
  type RevokedSet,
  unknownKey,
  unsignedRecoup,
} from "./state.ts";

interface RecoupTasks {
  signature: number | undefined;
  /** That the coin is the one that was blinded; undefined when that cannot be told, -1 when it cannot be. */
  envelope: number | undefined;
}

/** What both kinds of recoup share. */
interface Recoup {
  coin: CoinReference;
  coinSig: Uint8Array;
  coinBlind: Uint8Array;
  amount: bigint;
}

/** What a recoup points to: the envelope of its coin, as far as the database keeps it. */
interface Origin {
  denomination: bigint;
  /** Hash of the blinded coin. */
  hBlindedCoin: Uint8Array | undefined;
  /** Clause-Schnorr: R0, R1 and the planchet; the database keeps them of refreshes only. */
  cs?: { values: Uint8Array; message: Uint8Array } | undefined;
}

function recoupTasks(
  s: CoinsState,
  name: "coinRecoup" | "coinRecoupRefresh",
  row: Recoup,
  origin: Origin,
  tasks: TaskWriter,
): RecoupTasks {
  const d = s.denominations.lookup(row.coin.denominationSerial);
  if (d === undefined) return { signature: undefined, envelope: undefined };
  const block = buildBlock(name, s.run.context.settings.currency, { hDenomination: d.hash, coinBlind: row.coinBlind });
  const signature = tasks.ed25519(row.coin.coinPub, row.coinSig, block);
  const { denomination, hBlindedCoin, cs } = origin;
  if (denomination !== row.coin.denominationSerial || hBlindedCoin === undefined) return { signature, envelope: -1 };
  const coinHash = hashCoin(row.coin.coinPub, row.coin.ageCommitment);
  if (d.key.cipher === "RSA") {
    return { signature, envelope: tasks.recoup(d.key, coinHash, row.coinBlind, hBlindedCoin) };
  }
  const envelope = cs === undefined ? undefined : tasks.csRecoup(d.key, coinHash, row.coinBlind, cs.values, cs.message);
  return { signature, envelope };
}

function originOfFreshCoin(s: CoinsState, row: RecoupRefreshRow): Origin {
  const fresh = s.denominations.lookup(row.freshDenomination);
  const planchet = parsePlanchet(row.planchet);
  const values = parseWithdrawValues(row.withdrawValues);
  if (fresh === undefined || planchet === undefined) {
    return { denomination: row.freshDenomination, hBlindedCoin: undefined };
  }
  const cs = planchet.cipher === "CS" && values?.cipher === "CS"
    ? { values: concat(values.r0, values.r1), message: planchet.message }
    : undefined;
  return {
    denomination: row.freshDenomination,
    hBlindedCoin: hashBlindedCoin(fresh.hash, planchet.cipher, planchet.message),
    cs,
  };
}

/** Recoups of fresh coins to the coins they were refreshed from. */
export function recoupRefreshesStage(s: CoinsState, revoked: RevokedSet): Stage<RecoupRefreshRow, RecoupTasks> {
  const stage: Stage<RecoupRefreshRow, RecoupTasks> = {
    rank: RANK.recoupRefreshes,
    source: RECOUP_REFRESHES,
    progressKey: "coins_recoup_refresh_serial_id",
    prepare: (rows, tasks) =>
      rows.map(({ row }) => recoupTasks(s, "coinRecoupRefresh", row, originOfFreshCoin(s, row), tasks)),
    book: (r, tasks, good) => {
      const { serial: row, row: { oldDenominationSerial, amount } } = r;
      // of a row that is read again for its own coin, the old coin was credited before
      if (!s.run.stored.has(unknownKey("C-29", stage, row))) {
        const old = partOf(s, stage, {
          check: "C-7",
          table: "refresh-recoup",
          row,
          denomination: oldDenominationSerial,
          text: "denomination key of old coin not found",
        });
        if (old === undefined) return readAgain(s, stage, r, DENOMINATION);
        book(s, old, { event: "recoup-refresh-credit", amount });
      }
      bookRecoup(s, "C-8", stage, "recoup-refresh", r, tasks, good, revoked);
    },
  };
  return stage;
}

/** Recoups to reserves. */
export function recoupsStage(s: CoinsState, revoked: RevokedSet): Stage<RecoupRow, RecoupTasks> {
  const stage: Stage<RecoupRow, RecoupTasks> = {
    rank: RANK.recoups,
    source: RECOUPS,
    progressKey: "coins_recoup_serial_id",
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const origin = { denomination: row.withdrawalDenomination, hBlindedCoin: row.hBlindedCoin };
        return recoupTasks(s, "coinRecoup", row, origin, tasks);
      }),
    book: (r, tasks, good) => bookRecoup(s, "C-26", stage, "recoup", r, tasks, good, revoked),
  };
  return stage;
}

/** The common recoup checks; one signature check and one finding per invalid coin (D-8, D-9). */
function bookRecoup(
  s: CoinsState,
  check: string,
  stage: AnyStage & { rank: number },
  operation: "recoup" | "recoup-refresh",
  r: StageRow<Recoup>,
  tasks: RecoupTasks,
  good: (task: number) => boolean,
  revoked: RevokedSet,
): void {
  const { serial, row } = r;
  const { rank } = stage;
  const d = denominationOf(s, stage, r, "C-29", operation, row.coin.denominationSerial);
  if (d === undefined) return;
  const { coinPub } = row.coin;
  if (tasks.signature === undefined || !good(tasks.signature)) {
    reportBadSignature(s, check, rank, operation, serial, row.amount, coinPub);
    reject(s, unsignedRecoup(stage.source.table), serial);
    return;
  }
  checkCoin(s, rank, operation, serial, row.amount, row.coin);
  if (tasks.envelope !== undefined && (tasks.envelope < 0 || !good(tasks.envelope))) {
    s.run.book.report(
      { stage: rank, serial },
      rowInconsistency("X-7", operation, serial, "coin is not the one that was blinded"),
    );
  }
  if (!revoked.has(d.hashHex)) reportBadSignature(s, "C-31", rank, operation, serial, row.amount, coinPub);
  book(s, d, { event: "recoup", amount: row.amount });
  s.run.book.add("total_recoup_loss", row.amount);
}
