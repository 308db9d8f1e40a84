// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Payments between persons for scenario tables: real keys sign, rows go into a database of the test server, and the
 * purses pass audits it. Names stand for keys: purses `p1`, reserves `r1`, coins `c1:d5` (a coin of the denomination
 * worth 5, named so where it is first met). Days count from the epoch; it is day 50.
 *
 * | event | meaning, with the flags and options it knows |
 * | --- | --- |
 * | `purse p1 of 2` | created on day 49 (`created=`), expires on day 60 (`expires=`), `mode=1`, `fee=0`, `balance=`; `forged`, `contract`, `forged-contract`, `absent` (comes with `appear p1`) |
 * | `pay 2.02 of c1:d5 into p1` | every denomination has a deposit fee of 0.02; `forged`, `to-partner` |
 * | `merge p1 into r1` | signed on day 49 (`on=`); `forged`, `to-partner` |
 * | `consent p1 by r1` | account merge; `forged` |
 * | `decide p1 merged`, `decide p1 refunded` | on day 50 (`on=`) |
 * | `delete p1` | `forged`, `unsigned` |
 * | `fees 0.1` | the purse fee, 0 if nothing is said; `from=0 until=1000` (days); `fees none` |
 * | `hide d5`, `show d5`, `spoil d5` | the denomination's row vanishes, comes back, has the hash of another key |
 * | `activity 70` | the exchange took a withdrawal on that day |
 * | `day 70`, `plain`, `run` | the clock; no internal checks; audit now (there is always a run at the end) |
 */
import { pursesPass } from "../../core/audit/passes/purses/pass.ts";
import { signBlock } from "../../core/crypto/blocks.ts";
import { sha512 } from "../../core/crypto/hash.ts";
import { hashPayto, hashText } from "../../core/crypto/objects.ts";
import { restartAuditor } from "../../core/db/auditor-schema.ts";
import type { Sql } from "../../core/db/connect.ts";
import { reservePayto } from "../../core/taler/payto.ts";
import { DAY } from "../../core/taler/time.ts";
import {
  CURRENCY,
  DEPOSIT_FEE,
  insertRow,
  openFindingsOf,
  SCENE_SETTINGS,
  SceneCoins,
  type Value,
} from "./database_scene.ts";
import { describeBalances, Names } from "./describe.ts";
import { describePurseFinding } from "./describe_purse.ts";
import { bytes32, bytes64, flipped, keyPair } from "./mint.ts";
import { runOnePass } from "./one_pass.ts";
import { atoms, type Phrase, plainAmount } from "./scenario.ts";

const PARTNER_URL = "https://partner.example/";

interface ScenePurse {
  name: string;
  keys: ReturnType<typeof keyPair>;
  mergeKeys: ReturnType<typeof keyPair>;
  hContract: Uint8Array;
  target: bigint;
  fee: bigint;
  mode: number;
  expiration: bigint;
  mergedOn: bigint;
  request: Record<string, Value>;
}

const days = (text: string | undefined, usual: number) => BigInt(text ?? usual) * DAY;

/** A scene: plays events, audits, and says what is open. */
export class PurseScene {
  readonly names = new Names();
  readonly coins: SceneCoins;
  now = 50n * DAY;
  internal = true;
  /** Something was found that only an audit in time can know. */
  runs = 0;
  #purses = new Map<string, ScenePurse>();

  constructor(readonly url: string, readonly sql: Sql) {
    this.coins = new SceneCoins(sql, this.names);
  }

  /** Plays an event. */
  async play(p: Phrase): Promise<void> {
    switch (p.verb) {
      case "purse":
        return await this.#purse(p);
      case "appear":
        return await insertRow(this.sql, "exchange.purse_requests", this.#named(p.word()).request);
      case "pay":
        return await this.#pay(p);
      case "merge":
        return await this.#merge(p);
      case "consent":
        return await this.#consent(p);
      case "decide":
        return await insertRow(this.sql, "exchange.purse_decision", {
          purse_pub: this.#named(p.word()).keys.pub,
          action_timestamp: days(p.option("on"), 50),
          refunded: p.word() === "refunded",
        });
      case "delete":
        return await this.#delete(p);
      case "fees":
        return await this.fees(
          p.flag("none") ? undefined : p.amount(),
          days(p.option("from"), 0),
          days(p.option("until"), 1000),
        );
      case "hide":
        return await this.coins.hide(p.word());
      case "spoil":
        return await this.coins.spoil(p.word());
      case "show":
        await this.coins.denomination(p.word(), true);
        return;
      case "activity":
        return await this.#activity(days(p.word(), 0));
      case "day":
        this.now = days(p.word(), 0);
        return;
      case "plain":
        this.internal = false;
        return;
      case "run":
        await this.run();
        return;
      default:
        throw new Error(`unknown event ${p.verb}`);
    }
  }

  #named(name: string): ScenePurse {
    const purse = this.#purses.get(name);
    if (purse === undefined) throw new Error(`no purse ${name}`);
    return purse;
  }

  /** Replaces the global fees. */
  async fees(fee: bigint | undefined, from = 0n, until = 1000n * DAY): Promise<void> {
    await this.sql`DELETE FROM exchange.global_fee`;
    if (fee === undefined) return;
    await insertRow(this.sql, "exchange.global_fee", {
      start_date: from,
      end_date: until,
      history_fee: { atoms: 0n },
      account_fee: { atoms: 0n },
      purse_fee: { atoms: fee },
      purse_timeout: DAY,
      history_expiration: DAY,
      purse_account_limit: 5,
      master_sig: bytes64("global fee"),
    });
  }

  async #purse(p: Phrase): Promise<void> {
    const name = p.word();
    const purse = {
      name,
      keys: keyPair(`purse ${name}`),
      mergeKeys: keyPair(`merge ${name}`),
      hContract: bytes64(`contract ${name}`),
      target: atoms(p.after("of")!),
      fee: p.amountOption("fee") ?? 0n,
      mode: Number(p.option("mode") ?? 1),
      expiration: days(p.option("expires"), 60),
      mergedOn: 49n * DAY,
    };
    this.names.give(purse.keys.pub, name);
    this.names.give(purse.mergeKeys.pub, `merge ${name}`);
    const sig = signBlock("purseCreate", CURRENCY, purse.keys.seed, {
      purseExpiration: purse.expiration,
      amount: purse.target,
      hContractTerms: purse.hContract,
      mergePub: purse.mergeKeys.pub,
      minAge: 0,
    });
    const request = {
      purse_pub: purse.keys.pub,
      merge_pub: purse.mergeKeys.pub,
      purse_creation: days(p.option("created"), 49),
      purse_expiration: purse.expiration,
      h_contract_terms: purse.hContract,
      age_limit: 0,
      flags: purse.mode,
      amount_with_fee: { atoms: purse.target },
      purse_fee: { atoms: purse.fee },
      balance: { atoms: p.amountOption("balance") ?? 0n },
      purse_sig: p.flag("forged") ? flipped(sig) : sig,
    };
    this.#purses.set(name, { ...purse, request });
    if (!p.flag("absent")) await insertRow(this.sql, "exchange.purse_requests", request);
    const forged = p.flag("forged-contract");
    if (p.flag("contract") || forged) await this.#contract(purse, forged);
  }

  async #contract(purse: { keys: { seed: Uint8Array; pub: Uint8Array }; expiration: bigint }, forged: boolean) {
    const encrypted = bytes64("an encrypted contract");
    const contractPub = bytes32("contract key");
    const fields = { hEncryptedContract: sha512(encrypted), contractPub };
    await insertRow(this.sql, "exchange.contracts", {
      purse_pub: purse.keys.pub,
      pub_ckey: contractPub,
      contract_sig: signBlock("purseContract", CURRENCY, purse.keys.seed, fields),
      e_contract: forged ? flipped(encrypted) : encrypted,
      purse_expiration: purse.expiration,
    });
  }

  async #partner(wanted: boolean): Promise<{ id: number | null; url: string }> {
    if (!wanted) return { id: null, url: SCENE_SETTINGS.exchangeBaseUrl };
    const [known] = await this.sql`SELECT FROM exchange.partners`;
    if (known === undefined) {
      await insertRow(this.sql, "exchange.partners", {
        partner_serial_id: 1,
        partner_master_pub: bytes32("partner"),
        start_date: 0n,
        end_date: 1000n * DAY,
        next_wad: 0n,
        wad_frequency: DAY,
        wad_fee: { atoms: 0n },
        master_sig: bytes64("partner"),
        partner_base_url: PARTNER_URL,
      });
    }
    return { id: 1, url: PARTNER_URL };
  }

  async #pay(p: Phrase): Promise<void> {
    const amount = p.amount();
    const { mint, hash } = await this.coins.coin(p.after("of")!);
    const purse = this.#named(p.after("into")!);
    const partner = await this.#partner(p.flag("to-partner"));
    const sig = signBlock("purseDeposit", CURRENCY, mint.seed, {
      amount,
      hDenomination: hash,
      ageCommitment: undefined,
      pursePub: purse.keys.pub,
      hBaseUrl: hashText(partner.url),
    });
    await insertRow(this.sql, "exchange.purse_deposits", {
      partner_serial_id: partner.id,
      purse_pub: purse.keys.pub,
      coin_pub: mint.pub,
      amount_with_fee: { atoms: amount },
      coin_sig: p.flag("forged") ? flipped(sig) : sig,
    });
    const net = amount > DEPOSIT_FEE ? amount - DEPOSIT_FEE : 0n;
    await this.sql.unsafe(
      `UPDATE exchange.purse_requests SET balance = ((t.atoms / 100000000)::int8, (t.atoms % 100000000)::int4)
       FROM (SELECT purse_pub, (balance).val::int8 * 100000000 + (balance).frac + $2::int8 AS atoms
             FROM exchange.purse_requests) t
       WHERE t.purse_pub = purse_requests.purse_pub AND t.purse_pub = $1`,
      [purse.keys.pub, net] as never[],
    );
  }

  async #merge(p: Phrase): Promise<void> {
    const purse = this.#named(p.word());
    const reserve = keyPair(`reserve ${p.after("into")}`);
    purse.mergedOn = days(p.option("on"), 49);
    const partner = await this.#partner(p.flag("to-partner"));
    const sig = signBlock("purseMerge", CURRENCY, purse.mergeKeys.seed, {
      mergeTimestamp: purse.mergedOn,
      pursePub: purse.keys.pub,
      hPayto: hashPayto(reservePayto(partner.url, reserve.pub)!),
    });
    await insertRow(this.sql, "exchange.purse_merges", {
      partner_serial_id: partner.id,
      reserve_pub: reserve.pub,
      purse_pub: purse.keys.pub,
      merge_sig: p.flag("forged") ? flipped(sig) : sig,
      merge_timestamp: purse.mergedOn,
    });
  }

  async #consent(p: Phrase): Promise<void> {
    const purse = this.#named(p.word());
    const name = p.after("by")!;
    const reserve = keyPair(`reserve ${name}`);
    this.names.give(reserve.pub, name);
    const sig = signBlock("accountMerge", CURRENCY, reserve.seed, {
      purseExpiration: purse.expiration,
      amount: purse.target,
      purseFee: purse.fee,
      hContractTerms: purse.hContract,
      pursePub: purse.keys.pub,
      mergeTimestamp: purse.mergedOn,
      minAge: 0,
      flags: purse.mode,
    });
    await insertRow(this.sql, "exchange.account_merges", {
      reserve_pub: reserve.pub,
      reserve_sig: p.flag("forged") ? flipped(sig) : sig,
      purse_pub: purse.keys.pub,
      wallet_h_payto: bytes32("payto"),
    });
  }

  async #delete(p: Phrase): Promise<void> {
    const { keys } = this.#named(p.word());
    const sig = signBlock("purseDelete", CURRENCY, keys.seed, {});
    await insertRow(this.sql, "exchange.purse_deletion", {
      purse_pub: keys.pub,
      purse_sig: p.flag("unsigned") ? null : p.flag("forged") ? flipped(sig) : sig,
    });
  }

  async #activity(time: bigint): Promise<void> {
    await insertRow(this.sql, "exchange.reserves_out", {
      h_blind_ev: bytes64(`envelope ${time}`),
      denominations_serial: 1,
      denom_sig: bytes64("signature"),
      reserve_uuid: 1,
      reserve_sig: bytes64("signature"),
      execution_date: time,
      amount_with_fee: { atoms: 1n },
    });
  }

  /** Audits now. */
  async run(limits?: ReadonlyMap<string, bigint>): Promise<{ wrote: boolean }> {
    this.runs++;
    const { now, internal } = this;
    const choice = { now, internal, pageRows: 2, ...(limits === undefined ? {} : { limits }) };
    return await runOnePass(this.url, pursesPass, SCENE_SETTINGS, choice);
  }

  /** Forgets everything that was audited. */
  async restart(): Promise<void> {
    await restartAuditor(this.sql);
  }

  /** Open findings, balances other than zero, and the list of open purses. */
  async verdicts(): Promise<string[]> {
    const findings = await openFindingsOf(this.sql);
    const balances = await this.sql`SELECT balance_key, (balance_value).val * 100000000 + (balance_value).frac AS atoms
      FROM auditor.auditor_balances`;
    const open = await this.sql`SELECT purse_pub, (balance).val * 100000000 + (balance).frac AS balance,
      (target).val * 100000000 + (target).frac AS target FROM auditor.auditor_purses`;
    return [
      ...findings.map((f) => describePurseFinding(f, this.names)).sort(),
      ...describeBalances(balances.map((r) => [r["balance_key"] as string, r["atoms"] as bigint] as const)),
      ...open.map((r) => {
        const name = this.names.of("\\x" + (r["purse_pub"] as Uint8Array).toHex());
        return `open ${name} ${plainAmount(r["balance"] as bigint)} of ${plainAmount(r["target"] as bigint)}`;
      }).sort(),
    ];
  }
}
