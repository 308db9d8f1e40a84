// SPDX-License-Identifier: AGPL-3.0-or-later
/** Rows of outgoing wire transfers: aggregation, what is wired, what was handed to the bank. */

import { zeroTerminated } from "../crypto/hash.ts";
import { hashPayto } from "../crypto/objects.ts";
import { AMOUNT_SIZE, writeAmount } from "../taler/amount.ts";
import { ACCOUNT_SECTION } from "./accounts.ts";
import { insert, type Recorder } from "./recorder.ts";
import { secretBytes, secretOf } from "./random.ts";
import { amount, bytes, type Row, type Step, time } from "./rows.ts";
import { WIRE_METHOD } from "./terms.ts";
import type { Day, Transfer } from "./world.ts";

/** Raw identifier of an aggregation, 32 bytes. */
export function wtidOf(r: Pick<Recorder, "options">, transfer: number): Uint8Array {
  return secretOf(r.options.seed, "wtid", transfer);
}

/** Aggregations: which contracts they took up, and the transfer or the note that it is too small yet. */
export function transferSteps(r: Recorder, day: Day): Step[] {
  const wired = day.transfers.filter((t) => t.wired !== undefined);
  const finished = wired.filter((t) => r.small.delete(t.merchant));
  const small = day.transfers.filter((t) => t.wired === undefined);
  const grown = small.filter((t) => r.small.has(t.merchant));
  for (const { merchant } of small) r.small.add(merchant);
  const batches = day.transfers.flatMap((t) => t.batches.map((batch) => ({ batch, wtid: wtidOf(r, t.index) })));
  return [
    { kind: "delete", table: "aggregation_transient", key: "wtid_raw", rows: finished.map((t) => wtidRow(r, t)) },
    {
      kind: "update",
      table: "aggregation_transient",
      key: "wtid_raw",
      rows: grown.map((t) => ({ ...wtidRow(r, t), amount: amount(t.total) })),
    },
    insert("aggregation_transient", small.filter((t) => !grown.includes(t)).map((t) => transientRow(r, t))),
    insert(
      "aggregation_tracking",
      batches.map(({ batch, wtid }) => ({
        aggregation_serial_id: r.serials.next("aggregation_tracking"),
        batch_deposit_serial_id: r.batches.get(batch)!,
        wtid_raw: bytes(wtid),
      })),
    ),
    {
      kind: "update",
      table: "batch_deposits",
      key: "batch_deposit_serial_id",
      rows: batches.map(({ batch }) => ({ batch_deposit_serial_id: r.batches.get(batch)!, done: true })),
    },
    insert("prewire", wired.map((t) => prewireRow(r, wtidOf(r, t.index), r.merchants[t.merchant]!.payto, t.wired!))),
    insert("wire_out", wired.map((t) => wireOutRow(r, t))),
  ];
}

function wtidRow(r: Recorder, transfer: Transfer): Row {
  return { wtid_raw: bytes(wtidOf(r, transfer.index)) };
}

function transientRow(r: Recorder, transfer: Transfer): Row {
  const merchant = r.merchants[transfer.merchant]!;
  return {
    amount: amount(transfer.total),
    wire_target_h_payto: bytes(hashPayto(merchant.payto)),
    merchant_pub: bytes(merchant.pub),
    exchange_account_section: ACCOUNT_SECTION,
    legitimization_requirement_serial_id: "0",
    ...wtidRow(r, transfer),
  };
}

function wireOutRow(r: Recorder, transfer: Transfer): Row {
  return {
    wireout_uuid: r.serials.next("wire_out"),
    execution_date: time(transfer.at),
    ...wtidRow(r, transfer),
    wire_target_h_payto: bytes(hashPayto(r.merchants[transfer.merchant]!.payto)),
    exchange_account_section: ACCOUNT_SECTION,
    amount: amount(transfer.wired!),
  };
}

/** A transfer as it was handed to the bank (crypto.md 9.3); `net` in atoms. */
export function prewireRow(r: Recorder, wtid: Uint8Array, payto: string, net: bigint): Row {
  const serial = r.serials.next("prewire");
  const account = zeroTerminated(payto);
  const url = zeroTerminated(r.options.exchangeBaseUrl);
  const buffer = new Uint8Array(128 + account.length + url.length);
  const view = new DataView(buffer.buffer);
  buffer.set(secretBytes(r.options.seed, 64, "bank request", Number(serial)));
  writeAmount(buffer, 64, r.options.currency, net);
  buffer.set(wtid, 64 + AMOUNT_SIZE);
  view.setUint32(120, account.length);
  view.setUint32(124, url.length);
  buffer.set(account, 128);
  buffer.set(url, 128 + account.length);
  return { prewire_uuid: serial, wire_method: WIRE_METHOD, finished: true, failed: false, buf: bytes(buffer) };
}
