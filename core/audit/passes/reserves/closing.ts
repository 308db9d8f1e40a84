// SPDX-License-Identifier: AGPL-3.0-or-later
/** Stage 5 of the reserves pass: closed reserves (R-9 to R-14, D-10, D-19, X-10). */
import { buildBlock } from "../../../crypto/blocks.ts";
import { hashPayto } from "../../../crypto/objects.ts";
import type { ReserveCloseRow } from "../../../exchange/rows.ts";
import { RESERVE_CLOSES } from "../../../exchange/v014/reserves.ts";
import { paytoMethod } from "../../../taler/payto.ts";
import { formatCtime, timeToDb } from "../../../taler/time.ts";
import { type Finding, rowInconsistency } from "../../findings.ts";
import { MONEY } from "../../money.ts";
import type { Stage } from "../../pass.ts";
import type { TaskWriter } from "../../tasks.ts";
import {
  arithmeticWithEffects,
  type CloseSignature,
  RANK,
  reportBadSignature,
  type ReservesState,
  touch,
} from "./state.ts";

const NO_TARGET = new Uint8Array(32);

/** Tasks of a close request: signed for the stored account, or for "no account named" (D-10). */
interface CloseTasks {
  stored: number;
  none: number;
}

function closeTasks(s: ReservesState, row: ReserveCloseRow, tasks: TaskWriter): CloseTasks | undefined {
  if (row.requestSerial === 0n || row.request === undefined) return undefined;
  const { currency } = s.run.context.settings;
  const { timestamp, reserveSig, payto } = row.request;
  const task = (hPayto: Uint8Array) =>
    tasks.ed25519(
      row.reservePub,
      reserveSig,
      buildBlock("reserveClose", currency, { requestTimestamp: timestamp, hPayto }),
    );
  return { stored: task(hashPayto(payto)), none: task(NO_TARGET) };
}

/** Which target the owner of the reserve signed for. */
function signedTarget(tasks: CloseTasks, good: (task: number) => boolean): CloseSignature {
  if (good(tasks.stored)) return "stored";
  return good(tasks.none) ? "origin" : "bad";
}

/** Closed reserves. Fee and target are judged with the verdict on the reserve, when its origin and expiry are known. */
export function closesStage(s: ReservesState): Stage<ReserveCloseRow, CloseTasks | undefined> {
  return {
    rank: RANK.closes,
    source: RESERVE_CLOSES,
    progressKey: "reserves_reserve_close_serial_id",
    prepare: (rows, tasks) => rows.map(({ row }) => closeTasks(s, row, tasks)),
    book: ({ serial, row }, tasks, good) => {
      const change = touch(s, row.reservePub);
      change.totalOut += row.amount;
      change.closeFee += row.closingFee;
      s.run.book.add("reserves_close_fee_revenue", row.closingFee);
      s.run.addCounter(MONEY.closuresOut, row.amount - row.closingFee);
      change.closes.push({ serial, row, signature: tasks === undefined ? "absent" : signedTarget(tasks, good) });
    },
  };
}

/** The closing fee of an account's wire method at an instant; without one, the finding that says so. */
export function closingFeeAt(s: ReservesState, payto: string, time: bigint): { fee: bigint } | { finding: Finding } {
  const method = paytoMethod(payto);
  const periods = method === undefined ? [] : s.fees.at(method, time);
  if (periods.length === 1) return { fee: periods[0]!.closingFee };
  const text = `closing fee for \`${method ?? ""}' unavailable at ${formatCtime(time)}\n`;
  return { finding: rowInconsistency("R-9", "closing-fee", timeToDb(time), text) };
}

/** Judges one close, knowing the reserve's origin account and expiry. */
export function judgeClose(
  s: ReservesState,
  close: { serial: bigint; row: ReserveCloseRow; signature: CloseSignature },
  origin: string | undefined,
  expiration: bigint,
): void {
  const { serial, row } = close;
  const place = { stage: RANK.closes, serial };
  judgeFee(s, serial, row, expiration);
  const report = (check: string, text: string) =>
    s.run.book.report(place, rowInconsistency(check, "reserves_close", serial, text));
  if (row.requestSerial === 0n) {
    if (origin === undefined) report("R-13", "target account not verified, auditor does not know reserve");
    else if (origin !== row.payto) report("R-14", "target account does not match origin account");
    return;
  }
  const { request } = row;
  if (request === undefined) {
    report("R-11", "reserve close request unknown");
    return;
  }
  // a request without target is one for the account that the money came from (D-10)
  if (close.signature !== "stored" && !(close.signature === "origin" && request.payto === origin)) {
    reportBadSignature(s, "R-12", place, "close-request", row.requestSerial, row.amount, row.reservePub);
  }
  if (request.payto !== row.payto) report("R-14", "target account does not match origin account");
  if (request.close !== row.amount || request.closeFee !== row.closingFee) {
    report("X-10", "close differs from what was requested");
  }
}

/** R-10 with D-19: several fees are right, depending on when the exchange decided to close. */
function judgeFee(s: ReservesState, serial: bigint, row: ReserveCloseRow, expiration: bigint): void {
  const place = { stage: RANK.closes, serial };
  const method = paytoMethod(row.payto);
  const charged = row.closingFee;
  const decided = row.request?.timestamp ?? expiration;
  const acceptable = method === undefined ? [] : [row.executionDate, decided]
    .flatMap((t) => s.fees.at(method, t)).map((w) => w.closingFee);
  if (acceptable.includes(charged)) return;
  const expected = closingFeeAt(s, row.payto, row.executionDate);
  if ("finding" in expected) {
    s.run.book.report(place, expected.finding);
    return;
  }
  // a balance that does not cover the fee is charged whole
  if (charged === row.amount && row.amount <= expected.fee) return;
  s.run.book.report(
    place,
    ...arithmeticWithEffects("R-10", "closing aggregation fee", serial, charged, expected.fee, 1),
  );
}
