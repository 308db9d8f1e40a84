// SPDX-License-Identifier: AGPL-3.0-or-later
/** Rows of reserves: incoming transfers, withdrawals, closures. */

import { signBlock } from "../crypto/blocks.ts";
import { hashPayto } from "../crypto/objects.ts";
import { serializeBlindedSignature } from "../taler/denomination.ts";
import { DAY } from "../taler/time.ts";
import { ACCOUNT_SECTION, customerPayto, type KeyPair } from "./accounts.ts";
import type { IssuedCoin } from "./issuance.ts";
import { insert, type Recorder, reserveKeys, targetRows, withdrawCoin } from "./recorder.ts";
import { amount, bytes, type Row, type Step, time } from "./rows.ts";
import { costOf } from "./terms.ts";
import { prewireRow } from "./transfer-records.ts";
import type { Closure, Credit, Day, Withdrawal } from "./world.ts";

/** How long an exchange keeps a reserve after its last use before it may forget it. */
const LEGAL_RESERVE_EXPIRATION = 7n * 365n * DAY;

/** Incoming transfers: account, reserve, credit. */
export function creditSteps(r: Recorder, day: Day): Step[] {
  const paytos = day.credits.map((credit) => payerOf(r, credit.reserve));
  return [
    insert("wire_targets", targetRows(r, paytos, paytos.map(() => undefined))),
    insert("reserves", day.credits.map((credit) => reserveRow(r, day, credit))),
    insert(
      "reserves_in",
      day.credits.map((credit, i): Row => {
        const serial = r.serials.next("reserves_in");
        return {
          reserve_in_serial_id: serial,
          reserve_pub: bytes(reserveKeys(r, credit.reserve).pub),
          wire_reference: serial,
          credit: amount(credit.amount),
          wire_source_h_payto: bytes(hashPayto(paytos[i]!)),
          exchange_account_section: ACCOUNT_SECTION,
          execution_date: time(credit.at),
        };
      }),
    ),
  ];
}

function payerOf(r: Recorder, reserve: number): string {
  return customerPayto(r.options.seed, r.plan.reserves[reserve]!.customer);
}

function reserveRow(r: Recorder, day: Day, credit: Credit): Row {
  const serial = r.serials.next("reserves");
  r.reserves.set(credit.reserve, serial);
  return {
    reserve_uuid: serial,
    reserve_pub: bytes(reserveKeys(r, credit.reserve).pub),
    current_balance: amount(day.balances.get(credit.reserve) ?? credit.amount),
    expiration_date: time(r.plan.reserves[credit.reserve]!.expiration),
    gc_date: time(credit.at + LEGAL_RESERVE_EXPIRATION),
  };
}

/** Withdrawals: the exchange signs a blinded coin, the reserve pays for it. */
export function withdrawalSteps(r: Recorder, day: Day): Step[] {
  return [insert("reserves_out", day.withdrawals.map((w) => withdrawalRow(r, w)))];
}

function withdrawalRow(r: Recorder, { at, reserve, coin }: Withdrawal): Row {
  const serials = { serial: r.serials.next("reserves_out"), reserve: r.reserves.get(reserve)! };
  return signedWithdrawal(r.options.currency, serials, reserveKeys(r, reserve), at, withdrawCoin(r, coin));
}

/** The row of a withdrawal, signed by the reserve's owner; serials of the row itself and of the reserve. */
export function signedWithdrawal(
  currency: string,
  serials: { readonly serial: string; readonly reserve: string },
  owner: KeyPair,
  at: bigint,
  coin: IssuedCoin,
): Row {
  const cost = costOf(coin.denomination.terms);
  const { hBlindedCoin } = coin;
  const fields = { amount: cost, hDenomination: coin.denomination.hash, hBlindedCoin };
  return {
    reserve_out_serial_id: serials.serial,
    h_blind_ev: bytes(hBlindedCoin),
    denominations_serial: coin.denomination.serial,
    denom_sig: bytes(serializeBlindedSignature(coin.blindedSignature)),
    reserve_uuid: serials.reserve,
    reserve_sig: bytes(signBlock("reserveWithdraw", currency, owner.seed, fields)),
    execution_date: time(at),
    amount_with_fee: amount(cost),
  };
}

/** Closures, those that customers asked for with their requests. */
export function closureSteps(r: Recorder, day: Day): Step[] {
  const requests = new Map<Closure, string>();
  const requestRows = [...day.closures]
    .filter((c) => c.requestedAt !== undefined)
    .sort((a, b) => a.requestedAt! < b.requestedAt! ? -1 : a.requestedAt! > b.requestedAt! ? 1 : 0)
    .map((closure) => {
      const serial = r.serials.next("close_requests");
      requests.set(closure, serial);
      return requestRow(r, closure, serial);
    });
  return [
    insert("close_requests", requestRows),
    insert("reserves_close", day.closures.map((c) => closureRow(r, c, requests.get(c) ?? "0"))),
    insert(
      "prewire",
      day.closures.filter((c) => c.amount > c.fee).map((c) => {
        return prewireRow(r, reserveKeys(r, c.reserve).pub, payerOf(r, c.reserve), c.amount - c.fee);
      }),
    ),
    {
      kind: "update",
      table: "close_requests",
      key: "close_request_serial_id",
      rows: [...requests.values()].map((serial) => ({ close_request_serial_id: serial, done: true })),
    },
  ];
}

/** A request that names no account is signed over zeros, and the exchange stores the reserve's origin (crypto.md 5.7). */
function requestRow(r: Recorder, closure: Closure, serial: string): Row {
  const { seed, pub } = reserveKeys(r, closure.reserve);
  const requestTimestamp = closure.requestedAt!;
  return {
    close_request_serial_id: serial,
    reserve_pub: bytes(pub),
    close_timestamp: time(requestTimestamp),
    reserve_sig: bytes(
      signBlock("reserveClose", r.options.currency, seed, { requestTimestamp, hPayto: undefined }),
    ),
    close: amount(closure.amount),
    close_fee: amount(closure.fee),
    payto_uri: payerOf(r, closure.reserve),
    done: false,
  };
}

function closureRow(r: Recorder, closure: Closure, request: string): Row {
  const { pub } = reserveKeys(r, closure.reserve);
  return {
    close_uuid: r.serials.next("reserves_close"),
    reserve_pub: bytes(pub),
    execution_date: time(closure.at),
    wtid: bytes(pub),
    wire_target_h_payto: bytes(hashPayto(payerOf(r, closure.reserve))),
    amount: amount(closure.amount),
    closing_fee: amount(closure.fee),
    close_request_row: request,
  };
}
