// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Scenarios of the reserves pass. Reserves are named r…, bank accounts a…, denominations as in the coins' scenarios;
 * days are counted from the epoch, and the audit is on day 50. An idle reserve expires 28 days after its last credit.
 * Unless a line says otherwise, closing a reserve costs 0.1 (wire method `x-test`).
 */
import { signBlock } from "../../core/crypto/blocks.ts";
import { hashPayto, hashText } from "../../core/crypto/objects.ts";
import { reservesPass } from "../../core/audit/passes/reserves/pass.ts";
import type { Source } from "../../core/exchange/source.ts";
import { AGE_WITHDRAWALS, RECOUPS, WITHDRAWALS } from "../../core/exchange/v014/coins.ts";
import {
  ACCOUNT_MERGES,
  MERGED_PURSES,
  RESERVE_CLOSES,
  RESERVE_OPENS,
  RESERVES_IN,
} from "../../core/exchange/v014/reserves.ts";
import { DAY } from "../../core/taler/time.ts";
import { AuditWorld, MASTER, SETTINGS } from "./audit_world.ts";
import { day, flags, signed } from "./coin_record.ts";
import { elements, page, serials } from "./memory_sql.ts";
import { MintScene } from "./mint_scene.ts";
import { bytes32, bytes64, flipped, keyPair } from "./mint.ts";
import { type Cell, cell } from "./packed.ts";
import { atoms, Phrase } from "./scenario.ts";

const CURRENCY = SETTINGS.currency;
const days = (text: string) => BigInt(text) * DAY;

/** Where the account of a scenario is. */
export function accountOf(name: string): string {
  return name.includes(":") ? name : `payto://x-test/host/${name}`;
}

interface Movement {
  reserve: string;
  stage: string;
  serial: bigint;
  /** Into the reserve if positive. */
  atoms: bigint;
  at: string;
}

/** The past of a scenario. */
export class ReserveScene {
  readonly world = new AuditWorld();
  readonly mint = new MintScene(this.world, () => {});
  readonly #movements: Movement[] = [];
  readonly #claimed = new Map<string, bigint>();
  #fees: { method: string; start: string; end: string; closingFee: bigint }[] = [];
  #requests: { reserve: string; amount: bigint; at: bigint; done: boolean }[] = [];
  #wads: { incoming: boolean; amount: bigint }[] = [];

  constructor() {
    const { exchange } = this.world;
    exchange.answer("FROM exchange.wire_fee w", () => page(this.#feeRows()));
    exchange.answer(
      "r.current_balance",
      ([reserves]) =>
        page(
          [...this.#claimed].filter(([r]) => elements(reserves).includes(keyPair(r).pub.toHex())).map((
            [r, balance],
          ) => [
            cell.int8(1n),
            keyPair(r).pub,
            cell.amount(balance),
          ]),
        ),
    );
    exchange.answer("max(cr.close_request_serial_id)", () => page([[cell.int8(BigInt(this.#requests.length) || -1n)]]));
    exchange.answer(
      "cr.close_timestamp < $1",
      ([latest, first = 0n, open]) =>
        page(
          this.#requests.flatMap((r, i) => {
            const serial = BigInt(i + 1), before = serial < (first as bigint) && !serials(open).has(serial);
            return r.done || before ? [] : [[
              cell.int8(serial),
              cell.bool(r.at < (latest as bigint)),
              keyPair(r.reserve).pub,
              cell.amount(r.amount),
              cell.int8(r.at),
            ]];
          }),
        ),
    );
    for (const [table, incoming] of [["wads_in", true], ["wads_out", false]] as const) {
      exchange.answer(
        `FROM exchange.${table} w`,
        () =>
          page(
            this.#wads.flatMap((w, i) =>
              w.incoming !== incoming
                ? []
                : [[cell.int8(BigInt(i + 1)), cell.text("https://partner.example/"), cell.amount(w.amount)]]
            ),
          ),
      );
    }
    exchange.answer("WITH touched AS (", ([reserves]) => page(this.#moved(elements(reserves))));
  }

  /** Plays the events; the audit runs at each `run` and in the end. */
  async play(phrases: readonly Phrase[]): Promise<this> {
    if (!phrases.some((p) => p.verb === "fee")) this.#fee(new Phrase("fee 0.1"));
    for (const p of phrases) {
      if (p.verb === "run") await this.world.run(reservesPass);
      else this.#event(p);
    }
    await this.world.run(reservesPass);
    return this;
  }

  #event(p: Phrase): void {
    const events: Record<string, () => void> = {
      denomination: () => this.mint.declareDenomination(p),
      internal: () => this.world.internal = true,
      day: () => this.world.now = days(p.word()),
      fee: () => this.#fee(p),
      balance: () => this.#claimed.set(this.#reserve(p), p.amount()),
      credit: () => this.#credit(p),
      withdraw: () => this.#withdraw(p),
      "age-withdraw": () => this.#ageWithdraw(p),
      recoup: () => this.#recoup(p),
      open: () => this.#open(p),
      close: () => this.#close(p),
      request: () =>
        this.#requests.push({ reserve: this.#reserve(p), at: days(p.option("at")!), amount: p.amount(), done: false }),
      executed: () => this.#requests.forEach((r) => r.done = true),
      merge: () => this.#merge(p),
      "account-merge": () => this.#accountMerge(p),
      wad: () => this.#wads.push({ incoming: p.flag("in"), amount: p.amount() }),
    };
    const event = events[p.verb];
    if (event === undefined) throw new Error(`nothing is known of "${p.verb}"`);
    event();
  }

  #reserve(p: Phrase): string {
    const name = p.word();
    this.world.names.give(keyPair(name).pub, name);
    return name;
  }

  #insert<Row>(source: Source<Row>, amount: bigint | undefined, cells: Cell[]): bigint {
    const row = amount === undefined ? { cells: () => cells } : { cells: () => cells, atoms: amount };
    return this.world.exchange.insert(source as unknown as Source<never>, row);
  }

  #move(reserve: string, stage: string, serial: bigint, amount: bigint, at: string): void {
    this.#movements.push({ reserve, stage, serial, atoms: amount, at });
  }

  #moved(reserves: string[]): Cell[][] {
    const wanted = this.#movements.filter((m) => reserves.includes(keyPair(m.reserve).pub.toHex()));
    return wanted.map((m) => [
      cell.int8(m.serial),
      keyPair(m.reserve).pub,
      cell.text(m.stage),
      cell.int4(m.atoms < 0n ? -1 : 1),
      day(m.at),
      cell.amount(m.atoms < 0n ? -m.atoms : m.atoms),
    ]);
  }

  /** `fee 0.1 for x-test days=0-1000`: a period of closing fees. */
  #fee(p: Phrase): void {
    const [start, end] = (p.option("days") ?? "0-1000").split("-");
    this.#fees.push({ method: p.after("for") ?? "x-test", start: start!, end: end!, closingFee: p.amount() });
  }

  #feeRows(): Cell[][] {
    return this.#fees.map(({ method, start, end, closingFee }, i) => {
      const terms = { start: days(start), end: days(end), wireFee: 0n, closingFee };
      const signature = signBlock("masterWireFees", CURRENCY, MASTER.seed, { hWireMethod: hashText(method), ...terms });
      const amounts = [cell.amount(0n), cell.amount(closingFee)];
      return [cell.int8(BigInt(i + 1)), cell.text(method), day(start), day(end), ...amounts, signature];
    });
  }

  #credit(p: Phrase): void {
    const reserve = this.#reserve(p);
    const at = p.option("at") ?? "40";
    const account = accountOf(p.after("from") ?? "a1");
    const said = flags(p, "lost-account");
    const amount = p.amount();
    const payto = said.has("lost-account") ? null : account;
    const cells = [cell.int8(1n), cell.text(payto), signed(keyPair(reserve).pub, said), day(at)];
    this.#move(reserve, "reserves_in", this.#insert(RESERVES_IN, amount, cells), amount, at);
  }

  /** `withdraw r1 d5 paid=5.01 at=45`. */
  #withdraw(p: Phrase): void {
    const { seed, pub } = keyPair(this.#reserve(p));
    const d = this.mint.denomination(p.word());
    const at = p.option("at") ?? "45";
    const amount = p.amountOption("paid") ?? d.value + d.feeWithdraw;
    const hBlindedCoin = bytes64("envelope");
    const fields = { amount, hDenomination: d.mint.hash, hBlindedCoin };
    const signature = signed(signBlock("reserveWithdraw", CURRENCY, seed, fields), flags(p));
    const cells = [pub, cell.int8(d.serial), hBlindedCoin, bytes64("not looked at"), signature, day(at)];
    const serial = this.#insert(WITHDRAWALS, amount, cells);
    this.#move(p.text.split(" ")[1]!, "reserves_out", serial, -amount, at);
  }

  /** `age-withdraw r1 of d5 d1`. */
  #ageWithdraw(p: Phrase): void {
    const { seed, pub } = keyPair(this.#reserve(p));
    const paid = p.amountOption("paid");
    const said = flags(p);
    const denominations = p.allAfter("of")!.map((name) => this.mint.denomination(name));
    const amount = paid ?? denominations.reduce((sum, d) => sum + d.value + d.feeWithdraw, 0n);
    const ageMask = denominations[0]!.mint.ageMask;
    // the mask 0b1001 begins a group at age 3; 14 years are in it
    const fields = {
      reservePub: pub,
      amount,
      hCommitment: bytes64("commitment"),
      ageMask,
      maxAgeGroup: ageMask > 0 ? 1 : 0,
    };
    const signature = signBlock("reserveAgeWithdraw", CURRENCY, seed, fields);
    this.#insert(AGE_WITHDRAWALS, amount, [
      fields.hCommitment,
      cell.int2(14),
      pub,
      signed(signature, said),
      cell.array(denominations.map(() => bytes64("envelope"))),
      cell.array(denominations.map((d) => cell.int8(d.serial))),
      cell.array(denominations.map(() => bytes64("not looked at"))),
    ]);
  }

  /** `recoup r1 5 of c1:d5`. */
  #recoup(p: Phrase): void {
    const reserve = this.#reserve(p);
    const coin = this.mint.coin(p.after("of") ?? "c1");
    const at = p.option("at") ?? "46";
    const said = flags(p);
    const amount = p.amount();
    const fields = { hDenomination: coin.denomination.mint.hash, coinBlind: coin.mint.blind };
    const cells = [
      ...this.mint.reference(coin),
      cell.int8(coin.denomination.serial),
      keyPair(reserve).pub,
      coin.mint.hBlinded,
      signed(signBlock("coinRecoup", CURRENCY, coin.mint.seed, fields), said),
      coin.mint.blind,
      day(at),
    ];
    this.#move(reserve, "recoup", this.#insert(RECOUPS, amount, cells), amount, at);
  }

  /** `open r1 1 until=90`. */
  #open(p: Phrase): void {
    const reserve = this.#reserve(p);
    const { seed, pub } = keyPair(reserve);
    const [at, until] = [p.option("at") ?? "45", p.option("until") ?? "60"];
    const said = flags(p);
    const payment = p.amount();
    const fields = { payment, requestTimestamp: days(at), expiration: days(until), purseLimit: 3 };
    const signature = signed(signBlock("reserveOpen", CURRENCY, seed, fields), said);
    const cells = [pub, day(at), day(until), signature, cell.int4(3)];
    this.#move(reserve, "reserves_open_requests", this.#insert(RESERVE_OPENS, payment, cells), -payment, at);
  }

  /**
   * `close r1 4 fee=0.1 to a1`: closed at its expiry; `requested=a2` names the account that the exchange stored with
   * the client's request, `signed=a3` or `signed=none` the one for which the client signed.
   */
  #close(p: Phrase): void {
    const reserve = this.#reserve(p);
    const { seed, pub } = keyPair(reserve);
    const [at, asked] = [p.option("at") ?? "46", p.option("requested")];
    const fee = p.amountOption("fee") ?? atoms("0.1");
    const signedFor = p.option("signed") ?? asked ?? "none";
    const said = flags(p, "lost-request");
    const payto = accountOf(p.after("to") ?? "a1");
    const wanted = p.amountOption("wanted");
    const amount = p.amount();
    const hPayto = signedFor === "none" ? new Uint8Array(32) : hashPayto(accountOf(signedFor));
    const requestTimestamp = days(p.option("on") ?? "45");
    const signature = signBlock("reserveClose", CURRENCY, seed, { requestTimestamp, hPayto });
    const request = asked === undefined ? [cell.bool(false), null, null, null, null, null] : [
      cell.bool(true),
      said.has("forged") ? flipped(signature) : signature,
      cell.int8(requestTimestamp),
      cell.amount(wanted ?? amount),
      cell.amount(fee),
      cell.text(accountOf(asked)),
    ];
    const requestRow = asked === undefined && !said.has("lost-request") ? 0n : 77n;
    const serial = this.#insert(RESERVE_CLOSES, amount, [
      cell.int8(1n),
      cell.text(payto),
      pub,
      day(at),
      cell.amount(fee),
      cell.int8(requestRow),
      ...request,
    ]);
    this.#move(reserve, "reserves_close", serial, -amount, at);
  }

  #merge(p: Phrase): void {
    const reserve = this.#reserve(p);
    const partner = p.flag("partner");
    const amount = p.amount();
    const serial = this.#insert(MERGED_PURSES, undefined, [
      cell.int8(1n),
      p.flag("unmerged") ? null : cell.int8(1n),
      bytes32("purse"),
      keyPair(reserve).pub,
      cell.amount(amount),
      partner ? cell.int8(1n) : null,
      day(45),
      cell.bool(p.flag("undecided") ? null : false),
    ]);
    this.#move(reserve, "purse_decision", serial, amount, "45");
  }

  /** `account-merge r1 fee=1 flags=3`. */
  #accountMerge(p: Phrase): void {
    const { seed, pub } = keyPair(this.#reserve(p));
    const fields = {
      purseExpiration: days("90"),
      amount: atoms(1),
      purseFee: p.amountOption("fee") ?? 0n,
      hContractTerms: bytes64("contract"),
      pursePub: bytes32("purse"),
      mergeTimestamp: days("45"),
      minAge: 0,
      flags: Number(p.option("flags") ?? 3),
    };
    const signature = signed(signBlock("accountMerge", CURRENCY, seed, fields), flags(p));
    const head = [cell.int8(1n), cell.int8(1n), pub, signature, fields.pursePub, fields.hContractTerms];
    const tail = [cell.int4(0), cell.int4(fields.flags), cell.amount(fields.purseFee), day(45)];
    this.#insert(ACCOUNT_MERGES, undefined, [...head, day(90), cell.amount(fields.amount), ...tail, cell.array([])]);
  }
}
