// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Deposits and what the exchange confirmed of them, for scenario tables: real keys sign, rows go into a database of the
 * test server, and the deposits pass audits it. Days count from the epoch; it is day 50. The signing key `k1` is known
 * to both sides.
 *
 * | event | meaning, with the flags and options it knows |
 * | --- | --- |
 * | `batch b1 c1:d5=3 c2:d5=2` | coins deposited for one contract on day 49 (`on=`), to be wired by day 51; every denomination has a deposit fee of 0.02; `policy`, `garbled-policy` |
 * | `confirm b1` | the exchange confirms the batch and the merchant hands that in; `called x`, `by k2`; the exchange confirms something else: `only=c1`, `refund=47`, `wire=55`, `on=48`, `total=9`, `policy`, `account`, `signatures`, `contract`; the merchant writes something else: `other-coins`, `forged` |
 * | `remove b1`, `restore b1`, `drop c1` | the batch, or one coin of it, vanishes and comes back |
 * | `strip d5` | the denomination's row vanishes |
 * | `key k2` | a signing key: `handed-in`, `own`, `forged-here` (in the auditor's list), `forged-there`, `revoked`, `forged-revocation` |
 * | `withdraw x` | somebody takes the confirmation out of the auditor's list |
 * | `day 70`, `grace 5`, `end 2` | the clock; the period of grace in days; audit deposits with a lower serial only |
 * | `run` | audit now (there is always a run at the end) |
 */
import { depositsPass } from "../../core/audit/passes/deposits/pass.ts";
import { signBlock } from "../../core/crypto/blocks.ts";
import { sha512 } from "../../core/crypto/hash.ts";
import { hashPayto, hashPolicy, hashWire } from "../../core/crypto/objects.ts";
import type { Sql } from "../../core/db/connect.ts";
import { merchantShard } from "../../core/exchange/v014/confirmations.ts";
import { DAY } from "../../core/taler/time.ts";
import {
  CURRENCY,
  DEPOSIT_FEE,
  insertRow,
  openFindingsOf,
  SCENE_MASTER,
  SCENE_SETTINGS,
  SceneCoins,
  type Value,
} from "./database_scene.ts";
import { describeBalances, describeFinding, Names } from "./describe.ts";
import { bytes32, bytes64, flipped, keyPair } from "./mint.ts";
import { runOnePass } from "./one_pass.ts";
import { atoms, type Phrase } from "./scenario.ts";

const PAYTO = "payto://x-taler-bank/bank.example/shop?receiver-name=Shop";
const SALT = bytes32("salt").slice(0, 16);
const POLICY = { type: "escrow", days: 3 };
const NO_POLICY = new Uint8Array(64);

interface SceneBatch {
  name: string;
  serial: number;
  merchantPub: Uint8Array;
  hContract: Uint8Array;
  on: bigint;
  policy: boolean;
  coins: { name: string; pub: Uint8Array; sig: Uint8Array; amount: bigint }[];
  rows: { table: string; row: Record<string, Value> }[];
}

const days = (text: string | undefined, usual: bigint) => text === undefined ? usual : BigInt(text) * DAY;

/** A scene: plays events, audits, and says what is open. */
export class DepositScene {
  readonly names = new Names();
  readonly coins: SceneCoins;
  now = 50n * DAY;
  #grace = 0n;
  #limits: ReadonlyMap<string, bigint> | undefined;
  #batches = new Map<string, SceneBatch>();
  #deposits = 0;
  #confirmations = new Map<string, string>();

  constructor(readonly url: string, readonly sql: Sql) {
    this.coins = new SceneCoins(sql, this.names);
  }

  /** Prepares accounts and keys. */
  async begin(): Promise<void> {
    await insertRow(this.sql, "exchange.wire_targets", {
      wire_target_h_payto: hashPayto(PAYTO),
      payto_uri: PAYTO,
      h_normalized_payto: hashPayto(PAYTO),
    });
    await this.#key("k1", { handedIn: true, own: true });
  }

  /** Plays an event. */
  async play(p: Phrase): Promise<void> {
    switch (p.verb) {
      case "batch":
        return await this.#batch(p);
      case "confirm":
        return await this.#confirm(p);
      case "remove":
        return await this.#remove(this.#batches.get(p.word())!);
      case "restore":
        for (const { table, row } of this.#batches.get(p.word())!.rows) await insertRow(this.sql, table, row);
        return;
      case "drop":
        return await this.#drop(p.word());
      case "strip":
        return await this.coins.hide(p.word());
      case "key":
        return await this.#key(p.word(), {
          handedIn: p.flag("handed-in"),
          own: p.flag("own"),
          forgedHere: p.flag("forged-here"),
          forgedThere: p.flag("forged-there"),
          revoked: p.flag("revoked"),
          forgedRevocation: p.flag("forged-revocation"),
        });
      case "withdraw":
        return await this.#withdraw(p.word());
      case "day":
        this.now = days(p.word(), 0n);
        return;
      case "grace":
        this.#grace = days(p.word(), 0n);
        return;
      case "end":
        this.#limits = new Map([["coin_deposits", BigInt(p.word())]]);
        return;
      case "run":
        await this.run();
        return;
      default:
        throw new Error(`unknown event ${p.verb}`);
    }
  }

  async #batch(p: Phrase): Promise<void> {
    const name = p.word();
    const on = days(p.option("on"), 49n * DAY);
    const policy = p.flag("policy");
    const serial = this.#batches.size + 1;
    const merchantPub = keyPair(`merchant ${name}`).pub;
    const batch: SceneBatch = {
      name,
      serial,
      merchantPub,
      hContract: bytes64(`contract ${name}`),
      on,
      policy,
      coins: [],
      rows: [],
    };
    this.#batches.set(name, batch);
    const garbled = p.flag("garbled-policy");
    if (policy || garbled) await this.#policy(garbled ? "{" : JSON.stringify(POLICY));
    batch.rows.push({
      table: "exchange.batch_deposits",
      row: {
        batch_deposit_serial_id: serial,
        shard: merchantShard(merchantPub),
        merchant_pub: merchantPub,
        wallet_timestamp: on,
        exchange_timestamp: on,
        refund_deadline: on,
        wire_deadline: 51n * DAY,
        h_contract_terms: batch.hContract,
        wire_salt: SALT,
        wire_target_h_payto: hashPayto(PAYTO),
        policy_details_serial_id: policy || garbled ? 1 : null,
      },
    });
    for (let next = this.#coinWord(p); next !== undefined; next = this.#coinWord(p)) {
      await this.#deposit(batch, next.coin, next.amount);
    }
    for (const { table, row } of batch.rows) await insertRow(this.sql, table, row);
  }

  /** Takes `c1:d5=3`. */
  #coinWord(p: Phrase): { coin: string; amount: bigint } | undefined {
    const match = /\b(c\d+:d[\d.]+)=([\d.]+)/g;
    for (const [, coin, amount] of p.text.matchAll(match)) {
      if (p.option(coin!) !== undefined) return { coin: coin!, amount: atoms(amount!) };
    }
    return undefined;
  }

  async #deposit(batch: SceneBatch, coin: string, amount: bigint): Promise<void> {
    const { mint, hash } = await this.coins.coin(coin);
    const sig = signBlock("coinDeposit", CURRENCY, mint.seed, {
      hContractTerms: batch.hContract,
      ageCommitment: undefined,
      hPolicy: undefined,
      hWire: hashWire(SALT, PAYTO),
      hDenomination: hash,
      walletTimestamp: batch.on,
      refundDeadline: batch.on,
      amount,
      depositFee: DEPOSIT_FEE,
      merchantPub: batch.merchantPub,
      walletDataHash: undefined,
    });
    batch.coins.push({ name: coin.split(":")[0]!, pub: mint.pub, sig, amount });
    batch.rows.push({
      table: "exchange.coin_deposits",
      row: {
        coin_deposit_serial_id: ++this.#deposits,
        batch_deposit_serial_id: batch.serial,
        coin_pub: mint.pub,
        coin_sig: sig,
        amount_with_fee: { atoms: amount },
      },
    });
  }

  async #policy(text: string): Promise<void> {
    const zero = { atoms: 0n };
    await insertRow(this.sql, "exchange.policy_details", {
      policy_details_serial_id: 1,
      policy_hash_code: bytes32("policy"),
      policy_json: text,
      deadline: 60n * DAY,
      commitment: zero,
      accumulated_total: zero,
      fee: zero,
      transferable: zero,
      fulfillment_state: 1,
    });
  }

  async #confirm(p: Phrase): Promise<void> {
    const batch = this.#batches.get(p.word())!;
    const only = p.option("only");
    const coins = batch.coins.filter((c) => only === undefined || c.name === only);
    const net = coins.reduce((sum, c) => sum + c.amount - DEPOSIT_FEE, 0n);
    const policy = p.flag("policy") !== batch.policy;
    const otherSignatures = p.flag("signatures");
    const coinSigs = coins.map((c) => otherSignatures ? bytes64(`signature of ${c.name}`) : c.sig);
    const signed = {
      hContractTerms: p.flag("contract") ? bytes64("another contract") : batch.hContract,
      hWire: p.flag("account") ? bytes64("another account") : hashWire(SALT, PAYTO),
      hPolicy: policy ? hashPolicy(POLICY)! : NO_POLICY,
      exchangeTimestamp: days(p.option("on"), batch.on),
      wireDeadline: days(p.option("wire"), 51n * DAY),
      refundDeadline: days(p.option("refund"), batch.on),
      totalWithoutFee: p.amountOption("total") ?? net,
      hCoinSigs: sha512(...coinSigs),
      merchantPub: batch.merchantPub,
    };
    const key = keyPair(`signing key ${p.after("by") ?? "k1"}`);
    const sig = signBlock("exchangeConfirmDeposit", CURRENCY, key.seed, signed);
    const exchangeSig = p.flag("forged") ? flipped(sig) : sig;
    const name = p.after("called") ?? batch.name;
    this.#confirmations.set(exchangeSig.toHex(), name);
    const otherCoins = p.flag("other-coins");
    await insertRow(this.sql, "auditor.auditor_deposit_confirmations", {
      h_contract_terms: signed.hContractTerms,
      h_policy: signed.hPolicy,
      h_wire: signed.hWire,
      exchange_timestamp: signed.exchangeTimestamp,
      refund_deadline: signed.refundDeadline,
      wire_deadline: signed.wireDeadline,
      total_without_fee: { atoms: signed.totalWithoutFee },
      coin_pubs: coins.map((c) => otherCoins ? bytes32(`not ${c.name}`) : c.pub),
      coin_sigs: coinSigs,
      merchant_pub: batch.merchantPub,
      exchange_sig: exchangeSig,
      exchange_pub: key.pub,
      master_sig: bytes64(`garbage ${name}`),
    });
  }

  async #remove(batch: SceneBatch): Promise<void> {
    await this.sql`DELETE FROM exchange.coin_deposits WHERE batch_deposit_serial_id = ${batch.serial}`;
    await this.sql`DELETE FROM exchange.batch_deposits WHERE batch_deposit_serial_id = ${batch.serial}`;
  }

  async #drop(coin: string): Promise<void> {
    const found = [...this.#batches.values()].flatMap((b) => b.coins).find((c) => c.name === coin)!;
    await this.sql`DELETE FROM exchange.coin_deposits WHERE coin_pub = ${found.pub}`;
  }

  async #withdraw(name: string): Promise<void> {
    const [sig] = [...this.#confirmations].find(([, n]) => n === name)!;
    await this.sql`DELETE FROM auditor.auditor_deposit_confirmations WHERE exchange_sig = decode(${sig}, 'hex')`;
  }

  async #key(name: string, how: {
    handedIn: boolean;
    own: boolean;
    forgedHere?: boolean;
    forgedThere?: boolean;
    revoked?: boolean;
    forgedRevocation?: boolean;
  }): Promise<void> {
    const { pub } = keyPair(`signing key ${name}`);
    this.names.give(pub, name);
    const times = { start: 0n, expire: 100n * DAY, end: 1000n * DAY };
    const good = signBlock("masterSigningKey", CURRENCY, SCENE_MASTER.seed, { ...times, exchangePub: pub });
    if (how.handedIn) {
      await insertRow(this.sql, "auditor.auditor_exchange_signkeys", {
        exchange_pub: pub,
        master_sig: how.forgedHere === true ? flipped(good) : good,
        ep_valid_from: times.start,
        ep_expire_sign: times.expire,
        ep_expire_legal: times.end,
      });
    }
    if (!how.own) return;
    const serial = Number(name.slice(1));
    await insertRow(this.sql, "exchange.exchange_sign_keys", {
      esk_serial: serial,
      exchange_pub: pub,
      master_sig: how.forgedThere === true ? flipped(good) : good,
      valid_from: times.start,
      expire_sign: times.expire,
      expire_legal: times.end,
    });
    if (how.revoked !== true && how.forgedRevocation !== true) return;
    const revocation = signBlock("masterSigningKeyRevoked", CURRENCY, SCENE_MASTER.seed, { exchangePub: pub });
    await insertRow(this.sql, "exchange.signkey_revocations", {
      signkey_revocations_serial_id: serial,
      esk_serial: serial,
      master_sig: how.forgedRevocation === true ? flipped(revocation) : revocation,
    });
  }

  /** Audits now. */
  async run(): Promise<{ wrote: boolean }> {
    const settings = { ...SCENE_SETTINGS, gracePeriod: this.#grace };
    const limits = this.#limits === undefined ? {} : { limits: this.#limits };
    return await runOnePass(this.url, depositsPass, settings, { now: this.now, pageRows: 2, ...limits });
  }

  #nameOf(row: Record<string, unknown>): string {
    return this.#confirmations.get((row["exchange_sig"] as Uint8Array).toHex()) ?? "somebody";
  }

  /** Open findings, confirmations with their state, what is archived, and the balance. */
  async verdicts(): Promise<string[]> {
    const findings = await openFindingsOf(this.sql);
    const open = await this.sql`SELECT c.exchange_sig, c.ancient, x.check_id, x.state, x.diagnostic
      FROM auditor.auditor_deposit_confirmations c LEFT JOIN auditor.auditor_x_confirmation x USING (row_id)
      ORDER BY c.row_id`;
    const archived = await this.sql`SELECT exchange_sig, ancient FROM auditor.auditor_x_confirmation_archive
      ORDER BY row_id`;
    const lost = await this.sql`SELECT row_id, state FROM auditor.auditor_x_confirmation x WHERE NOT EXISTS (
      SELECT FROM auditor.auditor_deposit_confirmations c WHERE c.row_id = x.row_id)`;
    const balances = await this.sql`SELECT balance_key, (balance_value).val * 100000000 + (balance_value).frac AS atoms
      FROM auditor.auditor_balances`;
    const age = (r: Record<string, unknown>) => r["ancient"] === true ? " ancient" : "";
    return [
      ...findings.map((f) => describeFinding(f, this.names)).sort(),
      ...open.map((r) => `${r["check_id"]} ${this.#nameOf(r)} ${r["state"]}${age(r)}: ${r["diagnostic"]}`),
      ...lost.map((r) => `state of nothing: ${r["row_id"]} ${r["state"]}`),
      ...archived.map((r) => `archived ${this.#nameOf(r)}${age(r)}`),
      ...describeBalances(balances.map((r) => [r["balance_key"] as string, r["atoms"] as bigint] as const)),
    ];
  }
}
