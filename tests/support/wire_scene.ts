// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What an exchange booked and what its bank shows, for scenario tables: rows go into a database of the test server, the
 * bank's side is an object or a store of imported history, and one of the passes transfer, wire-credit, wire-debit
 * audits both. Days count from the epoch; it is day 50, and everything happened on day 48 unless `at=` says otherwise (`at=never`).
 *
 * | event | meaning, with the flags and options it knows |
 * | --- | --- |
 * | `book r1 10 as 7` | the exchange booked transfer number 7 of its bank, 10 for reserve r1 from account a1 (`from a2`); `kyc`, `wad`; `serial=3`: in this row; `no-account`, `wrong-hash`: of the sender |
 * | `arrive r1 10 as 7` | the bank shows it; `kyc`, `wad`, `origin=elsewhere`, `in EUR` |
 * | `both r1 10 as 7` | the two together |
 * | `owe w1 10 to m1` | the exchange booked a transfer to a merchant, with subject w1 |
 * | `close r1 10 fee=0.1 to a1` | it closed a reserve; `subject=w1` instead of the reserve's key |
 * | `order x1 10 to p1`, `sign x1` | an order to move profit; `forged` (until it is signed), `executed` |
 * | `pay w1 10 to m1` | the bank shows an outgoing transfer, in the next row (`row=3`); `in EUR`, `for elsewhere` |
 * | `batch b1 5 to m1` | deposits of one contract, due on day 49 (`due=`), refundable until 47 (`refund=`); `no-coins`, `no-account` |
 * | `aggregate b1 into w1`, `again b1 into w1` | they go into a transfer; they do once more, under another number |
 * | `transient w1`, `done w1` | transfer w1 is still being collected; no longer |
 * | `unconstrained` | the exchange's database no longer keeps a batch from being aggregated twice |
 * | `renumber transfers` | the exchange gives its rows new serial numbers, 100 more; also `orders`, `closures` |
 * | `on 2` with any of these | another account of the exchange than the first; `audit 2`: it is audited as well; `leave 2`: no longer |
 * | `come rent 5 from a1 as 9`, `spend villa 5 to a1 as 9` | statements show what has no identifier, coming or going; without account: the bank itself |
 * | `back w1 5 from m1 as 9` | statements show that a payment came back |
 * | `only credit`, `only debit` | the first account is enabled for one direction |
 * | `statement`, `csv` | the store is brought up to date by a file, without or with the bank's numbers |
 * | `import` | the store is brought up to date; a scene without store asks the bank in every run |
 * | `grace 2`, `day 60`, `run` | period of grace in days; the clock; audit now (there is always a run at the end) |
 */
import type { Pass } from "../../core/audit/run.ts";
import { signBlock } from "../../core/crypto/blocks.ts";
import { hashPayto, hashText } from "../../core/crypto/objects.ts";
import type { Sql } from "../../core/db/connect.ts";
import { encodeBase32 } from "../../core/taler/base32.ts";
import { DAY, timeToDb } from "../../core/taler/time.ts";
import { CURRENCY, insertRow, SCENE_MASTER, SCENE_SETTINGS, type Value } from "./database_scene.ts";
import { Names } from "./describe.ts";
import { bytes32, bytes64, flipped, keyPair } from "./mint.ts";
import { runOnePass } from "./one_pass.ts";
import type { Phrase } from "./scenario.ts";
import { SceneBank } from "./wire_bank.ts";
import { accountOf, atDay, audited, bankAccountOf, type Incoming, ORIGIN, sectionOf, SERIALS } from "./wire_words.ts";

/** A scene: plays events, and audits. */
export class WireScene {
  readonly names = new Names();
  now = 50n * DAY;
  /** Rows that a run takes at once. */
  portionRows = 4000;
  /** Whether an account is no longer audited. */
  left = false;
  #grace = 0n;
  readonly #accounts = [audited("1")];
  readonly bank: SceneBank;
  readonly #targets = new Set<string>();
  readonly #batches = new Map<string, number>();
  readonly #orders = new Map<string, Uint8Array>();
  #aggregations = 0;

  /** @param store the database of a store of bank history, for a scene that has one */
  constructor(readonly url: string, readonly sql: Sql, readonly pass: Pass, store?: Sql) {
    this.bank = new SceneBank(store);
  }

  /** Sections of the audited accounts. */
  get sections(): string[] {
    return this.#accounts.map((a) => a.section);
  }

  /** Plays an event. */
  async play(p: Phrase): Promise<void> {
    switch (p.verb) {
      case "book":
        return await this.#book(p);
      case "arrive":
        return this.#arrive(this.#incoming(p));
      case "both": {
        const transfer = this.#incoming(p);
        await this.#insertCredit(transfer, p);
        return this.#arrive(transfer);
      }
      case "owe":
        return await this.#owe(p);
      case "close":
        return await this.#close(p);
      case "order":
        return await this.#order(p);
      case "sign":
        return await this.#sign(p.word());
      case "pay":
        return this.#pay(p);
      case "come":
      case "spend":
      case "back":
        return this.#other(p);
      case "batch":
        return await this.#batch(p);
      case "aggregate":
        return await this.#aggregate(p.word(), p.after("into")!);
      case "again":
        await this.sql`DELETE FROM exchange.aggregation_tracking`;
        return await this.#aggregate(p.word(), p.after("into")!);
      case "transient":
        return await this.#transient(p.word());
      case "done":
        await this.sql`DELETE FROM exchange.aggregation_transient WHERE wtid_raw = ${this.#subject(p.word())}`;
        return;
      default:
        return await this.#frame(p);
    }
  }

  /** Plays what is no transfer. */
  async #frame(p: Phrase): Promise<void> {
    switch (p.verb) {
      case "unconstrained":
        await this.sql`ALTER TABLE exchange.aggregation_tracking DROP CONSTRAINT IF EXISTS aggregation_tracking_pkey`;
        return;
      case "audit":
        this.#accounts.push(audited(p.word()));
        return;
      case "only":
        this.#accounts[0] = { ...this.#accounts[0]!, credit: false, debit: false, [p.word()]: true };
        return;
      case "leave": {
        const section = sectionOf(p.word());
        this.#accounts.splice(this.#accounts.findIndex((a) => a.section === section), 1);
        this.left = true;
        return;
      }
      case "renumber": {
        const [table, serial] = SERIALS[p.word()]!;
        await this.sql.unsafe(`UPDATE exchange.${table} SET ${serial} = ${serial} + 100`);
        return;
      }
      case "import":
        return await this.bank.import(this.sections, this.now);
      case "statement":
        return await this.bank.importStatement(this.sections, this.now, "local");
      case "csv":
        return await this.bank.importStatement(this.sections, this.now, "bank");
      case "grace":
        this.#grace = BigInt(p.word()) * DAY;
        return;
      case "day":
        this.now = BigInt(p.word()) * DAY;
        return;
      case "run":
        await this.run();
        return;
      default:
        throw new Error(`unknown event ${p.verb}`);
    }
  }

  /** The 32 bytes of a name: a reserve's key, or a subject. */
  #subject(name: string): Uint8Array {
    const bytes = name.startsWith("r") ? keyPair(name).pub : bytes32(`subject ${name}`);
    this.names.give(bytes, name);
    return bytes;
  }

  /** Makes an account known to the exchange. */
  async #target(name: string): Promise<Uint8Array> {
    const hash = hashPayto(accountOf(name));
    if (!this.#targets.has(name)) {
      this.#targets.add(name);
      await insertRow(this.sql, "exchange.wire_targets", {
        wire_target_h_payto: hash,
        payto_uri: accountOf(name),
        h_normalized_payto: hash,
      });
    }
    return hash;
  }

  #incoming(p: Phrase): Incoming {
    return {
      reference: BigInt(p.after("as")!),
      sender: p.after("from") ?? "a1",
      section: sectionOf(p.after("on")),
      date: atDay(p, "at", 48n * DAY),
      kind: p.flag("kyc") ? "KYCAUTH" : p.flag("wad") ? "WAD" : "RESERVE",
      currency: p.after("in") ?? CURRENCY,
      origin: p.option("origin"),
      name: p.word(),
      amount: p.amount(),
    };
  }

  async #book(p: Phrase): Promise<void> {
    return await this.#insertCredit(this.#incoming(p), p);
  }

  async #insertCredit(t: Incoming, p: Phrase): Promise<void> {
    if (t.kind === "WAD") {
      return await insertRow(this.sql, "exchange.wads_in", {
        wad_id: this.#subject(t.name).slice(0, 24),
        origin_exchange_url: ORIGIN,
        amount: { atoms: t.amount },
        arrival_time: timeToDb(t.date),
      });
    }
    const sender = p.flag("no-account") ? hashPayto(accountOf(t.sender)) : await this.#target(t.sender);
    const serial = p.option("serial");
    const number = (column: string): Record<string, Value> => serial === undefined ? {} : { [column]: BigInt(serial) };
    const row: Record<string, Value> = {
      wire_reference: t.reference,
      credit: { atoms: t.amount },
      wire_source_h_payto: sender,
      exchange_account_section: t.section,
      execution_date: timeToDb(t.date),
    };
    const key = this.#subject(t.name);
    if (t.kind === "KYCAUTH") {
      await insertRow(this.sql, "exchange.kycauths_in", {
        ...row,
        ...number("kycauth_in_serial_id"),
        account_pub: key,
      });
    } else {
      await insertRow(this.sql, "exchange.reserves_in", {
        ...row,
        ...number("reserve_in_serial_id"),
        reserve_pub: key,
      });
    }
    if (p.flag("wrong-hash")) {
      await this.sql`UPDATE exchange.wire_targets SET payto_uri = payto_uri || '/x'
        WHERE wire_target_h_payto = ${sender}`;
    }
  }

  #arrive(t: Incoming): void {
    const subject = this.#subject(t.name);
    this.bank.addCredit({
      account: t.section,
      rowId: t.reference,
      date: t.date,
      amount: { currency: t.currency, atoms: t.amount },
      kind: t.kind,
      subject: t.kind === "WAD" ? subject.slice(0, 24) : subject,
      originExchangeUrl: t.kind !== "WAD" ? undefined : t.origin === undefined ? ORIGIN : `https://${t.origin}/`,
      debitAccount: bankAccountOf(t.sender),
    });
  }

  async #owe(p: Phrase): Promise<void> {
    await insertRow(this.sql, "exchange.wire_out", {
      execution_date: timeToDb(atDay(p, "at", 48n * DAY)),
      exchange_account_section: sectionOf(p.after("on")),
      wire_target_h_payto: await this.#target(p.after("to")!),
      wtid_raw: this.#subject(p.word()),
      amount: { atoms: p.amount() },
    });
  }

  async #close(p: Phrase): Promise<void> {
    const reserve = p.word();
    await insertRow(this.sql, "exchange.reserves_close", {
      reserve_pub: this.#subject(reserve),
      execution_date: timeToDb(atDay(p, "at", 48n * DAY)),
      wtid: this.#subject(p.option("subject") ?? reserve),
      wire_target_h_payto: await this.#target(p.after("to")!),
      closing_fee: { atoms: p.amountOption("fee") ?? 0n },
      amount: { atoms: p.amount() },
    });
  }

  async #order(p: Phrase): Promise<void> {
    const name = p.word();
    const order = {
      wtid: this.#subject(name),
      date: atDay(p, "at", 48n * DAY),
      section: sectionOf(p.after("on")),
      payto: accountOf(p.after("to")!),
      amount: p.amount(),
    };
    const signature = signBlock("masterDrainProfit", CURRENCY, SCENE_MASTER.seed, {
      wtid: order.wtid,
      date: order.date,
      amount: order.amount,
      hAccountSection: hashText(order.section),
      hPayto: hashPayto(order.payto),
    });
    this.#orders.set(name, signature);
    await insertRow(this.sql, "exchange.profit_drains", {
      wtid: order.wtid,
      account_section: order.section,
      payto_uri: order.payto,
      trigger_date: order.date,
      amount: { atoms: order.amount },
      master_sig: p.flag("forged") ? flipped(signature) : signature,
      executed: p.flag("executed"),
    });
  }

  async #sign(name: string): Promise<void> {
    await this.sql`UPDATE exchange.profit_drains SET master_sig = ${this.#orders.get(name)!}
      WHERE wtid = ${this.#subject(name)}`;
  }

  #pay(p: Phrase): void {
    const other = p.after("for");
    const row = p.option("row");
    this.bank.addDebit({
      account: sectionOf(p.after("on")),
      rowId: row === undefined ? this.bank.nextDebit : BigInt(row),
      date: atDay(p, "at", 48n * DAY),
      exchangeBaseUrl: other === undefined ? SCENE_SETTINGS.exchangeBaseUrl : `https://${other}/`,
      creditAccount: bankAccountOf(p.after("to")!),
      wtid: this.#subject(p.word()),
      amount: { currency: p.after("in") ?? CURRENCY, atoms: p.amount() },
    });
  }

  #other(p: Phrase): void {
    const rowId = BigInt(p.after("as")!);
    const party = p.after("from") ?? p.after("to");
    const word = p.word();
    const text = p.verb === "back" ? `${encodeBase32(this.#subject(word))} ${SCENE_SETTINGS.exchangeBaseUrl}` : word;
    this.bank.addOther(p.verb === "spend" ? "debit" : "credit", {
      account: sectionOf(p.after("on")),
      rowId,
      date: atDay(p, "at", 48n * DAY),
      amount: { currency: p.after("in") ?? CURRENCY, atoms: p.amount() },
      text,
      creditAccount: party === undefined ? "" : bankAccountOf(party),
    });
  }

  async #batch(p: Phrase): Promise<void> {
    const name = p.word();
    const serial = this.#serialOf(name);
    const to = p.after("to") ?? "m1";
    await insertRow(this.sql, "exchange.batch_deposits", {
      batch_deposit_serial_id: serial,
      shard: 1,
      merchant_pub: keyPair(`merchant ${to}`).pub,
      wallet_timestamp: 46n * DAY,
      exchange_timestamp: 46n * DAY,
      refund_deadline: atDay(p, "refund", 47n * DAY),
      wire_deadline: atDay(p, "due", 49n * DAY),
      h_contract_terms: bytes64(`contract ${name}`),
      wire_salt: bytes32("salt").slice(0, 16),
      wire_target_h_payto: p.flag("no-account") ? hashPayto(accountOf(to)) : await this.#target(to),
    });
    const amount = p.amount();
    if (p.flag("no-coins")) return;
    await insertRow(this.sql, "exchange.coin_deposits", {
      batch_deposit_serial_id: serial,
      coin_pub: bytes32(`coin of ${name}`),
      coin_sig: bytes64(`signature of ${name}`),
      amount_with_fee: { atoms: amount },
    });
  }

  /** The serial number of a batch, before or after its row is there. */
  #serialOf(name: string): number {
    const serial = this.#batches.get(name) ?? this.#batches.size + 1;
    this.#batches.set(name, serial);
    return serial;
  }

  async #aggregate(batch: string, wtid: string): Promise<void> {
    await insertRow(this.sql, "exchange.aggregation_tracking", {
      aggregation_serial_id: ++this.#aggregations,
      batch_deposit_serial_id: this.#serialOf(batch),
      wtid_raw: this.#subject(wtid),
    });
  }

  async #transient(wtid: string): Promise<void> {
    await insertRow(this.sql, "exchange.aggregation_transient", {
      amount: { atoms: 1n },
      wire_target_h_payto: await this.#target("m1"),
      merchant_pub: keyPair("merchant m1").pub,
      exchange_account_section: sectionOf("1"),
      wtid_raw: this.#subject(wtid),
    });
  }

  /** Audits now. */
  async run(): Promise<{ wrote: boolean }> {
    const settings = { ...SCENE_SETTINGS, gracePeriod: this.#grace, accounts: this.#accounts };
    const { now, portionRows } = this;
    return await runOnePass(this.url, this.pass, settings, {
      now,
      pageRows: 2,
      portionRows,
      bank: this.bank.history(),
    });
  }
}
