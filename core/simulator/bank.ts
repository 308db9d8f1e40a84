// SPDX-License-Identifier: AGPL-3.0-or-later
/** The bank of a simulated exchange: what it says about the exchange's account, as an honest bank would. */

import type { BankCredit, BankDebit, BankHistory } from "../bank/history.ts";
import { ACCOUNT_SECTION, customerPayto, exchangePayto } from "./accounts.ts";
import { reserveKeys } from "./recorder.ts";
import type { Simulation } from "./simulation.ts";
import { wtidOf } from "./transfer-records.ts";
import { inTime } from "./world.ts";

/** Transfers per page. */
const PAGE = 100;

/** The bank's history of the first `days` days, the default being all. */
export function bankOf(simulation: Simulation, days: number = simulation.options.days): BankHistory {
  const credits = creditsOf(simulation, days);
  const debits = debitsOf(simulation, days);
  return {
    credits: (account, after) => pages(account === ACCOUNT_SECTION ? credits : [], after),
    debits: (account, after) => pages(account === ACCOUNT_SECTION ? debits : [], after),
    accounts: () => Promise.resolve([ACCOUNT_SECTION]),
    ownAccount: () => Promise.resolve(exchangePayto(simulation.options.seed)),
    anomalies: () => Promise.resolve([]),
    close: () => Promise.resolve(),
  };
}

async function* pages<T extends { rowId: bigint }>(rows: readonly T[], after: bigint): AsyncGenerator<T[]> {
  const rest = rows.filter((row) => row.rowId > after);
  for (let i = 0; i < rest.length; i += PAGE) yield await Promise.resolve(rest.slice(i, i + PAGE));
}

/** Transfers that fund reserves, numbered as the exchange has noted them. */
function creditsOf(simulation: Simulation, days: number): BankCredit[] {
  const { options: { seed, currency }, plan } = simulation;
  return plan.days.slice(0, days).flatMap((day) => day.credits).map((credit, i) => ({
    account: ACCOUNT_SECTION,
    rowId: BigInt(i + 1),
    date: credit.at,
    amount: { currency, atoms: credit.amount },
    kind: "RESERVE",
    subject: reserveKeys(simulation, credit.reserve).pub,
    originExchangeUrl: undefined,
    debitAccount: customerPayto(seed, plan.reserves[credit.reserve]!.customer),
  }));
}

/** Transfers to merchants, and what was left of closed reserves back to customers. */
function debitsOf(simulation: Simulation, days: number): BankDebit[] {
  const { options: { seed, currency, exchangeBaseUrl }, plan, merchants } = simulation;
  const paid = plan.days.slice(0, days).flatMap((day) => [
    ...day.transfers.filter((t) => t.wired !== undefined).map((t) => ({
      at: t.at,
      atoms: t.wired!,
      wtid: wtidOf(simulation, t.index),
      creditAccount: merchants[t.merchant]!.payto,
    })),
    ...day.closures.filter((c) => c.amount > c.fee).map((c) => ({
      at: c.at,
      atoms: c.amount - c.fee,
      wtid: reserveKeys(simulation, c.reserve).pub,
      creditAccount: customerPayto(seed, plan.reserves[c.reserve]!.customer),
    })),
  ]);
  return inTime(paid).map(({ at, atoms, wtid, creditAccount }, i) => ({
    account: ACCOUNT_SECTION,
    rowId: BigInt(i + 1),
    date: at,
    amount: { currency, atoms },
    wtid,
    exchangeBaseUrl,
    creditAccount,
  }));
}
