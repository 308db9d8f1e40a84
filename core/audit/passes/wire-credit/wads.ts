// SPDX-License-Identifier: AGPL-3.0-or-later
/** Transfers between exchanges: they have no reference and meet by their identifier, each once (WC-R3). */
import type { BankCredit } from "../../../bank/history.ts";
import { type BookedWadRow, WADS_IN } from "../../../exchange/v014/wire.ts";
import { rowInconsistency } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import type { Stage } from "../../pass.ts";
import type { BookedWad } from "./open.ts";
import { settleCredit, settleWad } from "./settle.ts";
import { type CreditState, RANK } from "./state.ts";

/** Booked transfers between exchanges: they wait for the bank's side. */
export function wadStage(s: CreditState): Stage<BookedWadRow, null> {
  return {
    rank: RANK.booked,
    source: WADS_IN,
    progressKey: "x:wire-credit:wads",
    prepare: (rows) => rows.map(() => null),
    book: ({ serial, row }) => {
      s.open.wads.set(serial, { ...row, wad: encodeHex(row.wad), serial });
    },
  };
}

/** Finds the booking of every such transfer at the bank, oldest first; what remains on either side is open. */
export function matchWads(s: CreditState): void {
  const booked = new Map<string, BookedWad[]>();
  for (const wad of s.open.wads.values()) {
    const group = booked.get(wad.wad);
    if (group === undefined) booked.set(wad.wad, [wad]);
    else group.push(wad);
  }
  const credits = [...s.open.credits].filter(([, c]) => c.kind === "WAD")
    .sort(([, a], [, b]) => a.rowId < b.rowId ? -1 : 1);
  for (const [key, credit] of credits) {
    const group = booked.get(encodeHex(credit.subject)) ?? [];
    const at = Math.max(group.findIndex((w) => w.origin === credit.originExchangeUrl), 0);
    const [wad] = group.splice(at, 1);
    if (wad === undefined) continue;
    s.open.credits.delete(key);
    s.open.wads.delete(wad.serial);
    settleCredit(s, credit, false);
    settleWad(s, wad, false);
    compareWad(s, wad, credit);
  }
}

function compareWad(s: CreditState, wad: BookedWad, credit: BankCredit): void {
  const place = { stage: RANK.bank, serial: wad.serial };
  if (credit.amount.currency !== s.run.context.settings.currency) {
    const text = `bank transaction in currency ${credit.amount.currency}`;
    s.run.book.report(place, rowInconsistency("WC-R7", "bank-credit", BigInt.asIntN(64, credit.rowId), text));
  } else if (wad.amount !== credit.amount.atoms || wad.origin !== credit.originExchangeUrl) {
    const text = "transfer between exchanges differs from the bank's";
    s.run.book.report(place, rowInconsistency("WC-R3", "wads_in", wad.serial, text));
  }
}
