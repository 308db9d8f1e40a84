// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The signature of every coin, checked once in the coin's life (audit chapter 2g).
 *
 * A coin without valid signature is remembered; the passes report it at each operation that used it (C-5, C-28, A-6).
 */
import { hashCoin } from "../crypto/objects.ts";
import type { KnownCoinRow } from "../exchange/rows.ts";
import { KNOWN_COINS } from "../exchange/v014/coins.ts";
import { parseDenominationSignature } from "../taler/denomination.ts";
import type { Denomination, Denominations } from "./denominations.ts";
import { bytesColumn } from "./findings.ts";
import type { PassRun, Stage } from "./pass.ts";
import { DENOMINATION } from "./revisits.ts";

/** What the stage tells the pass that runs it. */
export interface KnownCoinsSink {
  run: PassRun;
  /** The pass's progress point: only the coins pass counts coins, so that it has to see each by itself. */
  progressKey: string;
  denominations: Denominations;
  badCoins: Set<bigint>;
  newBadCoins: Record<string, unknown>[];
  /** Called once for every coin, to count the coins of a denomination. */
  counted?: (d: Denomination) => void;
}

/** Our own progress points in `known_coins`. */
export const KNOWN_COINS_PROGRESS = { coins: "x:known_coins", aggregation: "x:aggregation:known_coins" } as const;

/** A coin as the stage prepared it; without task when its signature cannot even be read. */
interface PreparedCoin {
  denomination: Denomination | undefined;
  task: number | undefined;
}

/** The stage that verifies new coins. */
export function knownCoinsStage(sink: KnownCoinsSink): Stage<KnownCoinRow, PreparedCoin> {
  const stage: Stage<KnownCoinRow, PreparedCoin> = {
    rank: 0.5,
    source: KNOWN_COINS,
    progressKey: sink.progressKey,
    unlimited: true,
    prepare: (rows, tasks) =>
      rows.map(({ row }) => {
        const denomination = sink.denominations.lookup(row.denominationSerial);
        const signature = parseDenominationSignature(row.denominationSig);
        const readable = denomination !== undefined && signature?.cipher === denomination.key.cipher;
        const task = readable
          ? tasks.coin(denomination.key, hashCoin(row.coinPub, row.ageCommitment), signature.value)
          : undefined;
        return { denomination, task };
      }),
    book: ({ serial, row, reason }, { denomination, task }, good) => {
      if (denomination === undefined) {
        // operations with the coin are reported as "denomination key not found"; the verdict waits for the key
        sink.run.revisit(stage, serial, DENOMINATION);
        return;
      }
      if (reason !== undefined) sink.run.settleRevisit(stage, serial);
      sink.counted?.(denomination);
      if (task !== undefined && good(task)) return;
      if (sink.badCoins.has(serial)) return;
      sink.badCoins.add(serial);
      sink.newBadCoins.push({ known_coin_id: serial.toString(), coin_pub: bytesColumn(row.coinPub) });
    },
  };
  return stage;
}
