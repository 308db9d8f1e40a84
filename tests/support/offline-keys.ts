// SPDX-License-Identifier: AGPL-3.0-or-later
/** Makes the answer of an exchange to GET /keys, with all its signatures, from keys of its own. */

import { buildBlock, signBlock } from "../../core/crypto/blocks.ts";
import { csPublicKey, csSecret } from "../../core/crypto/cs-issue.ts";
import { publicKeyOf, signEd25519 } from "../../core/crypto/ed25519.ts";
import { sha512, utf8Bytes } from "../../core/crypto/hash.ts";
import { hashDenominationKey, hashJson, hashManifests, hashPayto, hashText } from "../../core/crypto/objects.ts";
import { generateRsaKey, seededBytes } from "../../core/crypto/rsa-issue.ts";
import { decodeBase32, encodeBase32 } from "../../core/taler/base32.ts";
import { formatAmount, parseAmount } from "../../core/taler/amount.ts";
import type { Cipher } from "../../core/taler/denomination.ts";
import { DAY, NEVER, SECOND } from "../../core/taler/time.ts";

/** 32 bytes that belong to a name. */
export function secret(name: string): Uint8Array {
  return sha512(utf8Bytes(`offline ${name}`)).slice(0, 32);
}

/** The keys of the exchange and of its auditor. */
export const MASTER_SEED = secret("master");
export const MASTER_PUB = publicKeyOf(MASTER_SEED);
export const SIGNING_SEED = secret("signing");
export const AUDITOR_SEED = secret("auditor");
export const AUDITOR_PUB = publicKeyOf(AUDITOR_SEED);
export const AUDITOR_URL = "https://auditor.example/";
export const EXCHANGE_URL = "https://exchange.example/";

/** Time around which everything is valid: 2026-11-22T00:00:00Z. */
export const NOW = 1_795_305_600n * SECOND;

/** A denomination to be announced. Amounts as `1.5`, times in µs. */
export interface DenominationPlan {
  /** Makes the key. */
  name: string;
  cipher: Cipher;
  ageMask: number;
  value: string;
  /** Withdraw, deposit, refresh, refund. */
  fees: [string, string, string, string];
  start: bigint;
  expireWithdraw: bigint;
  expireDeposit: bigint;
  expireLegal: bigint;
  lost?: boolean;
  /** Bits of an RSA key, 2048 by default. */
  bits?: number;
}

/** A week of a series, the way exchanges are set up by default. */
export function week(number: number, plan: Partial<DenominationPlan> = {}): DenominationPlan {
  const start = NOW + BigInt(number) * 7n * DAY;
  const { cipher = "CS", value = "1", ageMask = 0 } = plan;
  return {
    name: `${cipher} ${value} ${ageMask} ${number}`,
    cipher,
    ageMask,
    value,
    fees: ["0.01", "0.01", "0.03", "0.01"],
    start,
    expireWithdraw: start + 7n * DAY,
    expireDeposit: start + 737n * DAY,
    expireLegal: start + 1832n * DAY,
    ...plan,
  };
}

/** Ages 8:10:12:14:16:18:21. */
export const AGE_MASK = 2446593;

const CURRENCY = "KUDOS";

const rsaKeys = new Map<string, Uint8Array>();

function keyBytes({ cipher, name, bits = 2048 }: DenominationPlan): Uint8Array {
  if (cipher === "CS") return csPublicKey(csSecret(secret(name)));
  const known = rsaKeys.get(`${bits} ${name}`) ?? generateRsaKey(bits, seededBytes(secret(name))).publicKey.bytes;
  rsaKeys.set(`${bits} ${name}`, known);
  return known;
}

function atoms(amount: string): bigint {
  const parsed = parseAmount(`${CURRENCY}:${amount}`);
  if (parsed === undefined) throw new Error(`${amount} is no amount`);
  return parsed.atoms;
}

const money = (amount: string) => formatAmount(CURRENCY, atoms(amount));
const stamp = (time: bigint) => ({ t_s: time === NEVER ? "never" : Number(time / SECOND) });

/** Hash of a planned denomination, 64 bytes. */
export function planHash(plan: DenominationPlan): Uint8Array {
  return hashDenominationKey({ cipher: plan.cipher, ageMask: plan.ageMask, key: keyBytes(plan) });
}

function termsOf(plan: DenominationPlan) {
  const [feeWithdraw, feeDeposit, feeRefresh, feeRefund] = plan.fees;
  return {
    masterPub: MASTER_PUB,
    start: plan.start,
    expireWithdraw: plan.expireWithdraw,
    expireDeposit: plan.expireDeposit,
    expireLegal: plan.expireLegal,
    value: atoms(plan.value),
    feeWithdraw: atoms(feeWithdraw),
    feeDeposit: atoms(feeDeposit),
    feeRefresh: atoms(feeRefresh),
    feeRefund: atoms(feeRefund),
    hDenomination: planHash(plan),
  };
}

/** An auditor's entry in /keys that has signed some denominations. */
export function auditorJson(seed: Uint8Array, url: string, plans: readonly DenominationPlan[]): Json {
  return {
    auditor_name: "An auditor",
    auditor_pub: encodeBase32(publicKeyOf(seed)),
    auditor_url: url,
    denomination_keys: plans.map((plan) => ({
      denom_pub_h: encodeBase32(planHash(plan)),
      auditor_sig: encodeBase32(
        signBlock("auditorDenomination", CURRENCY, seed, { hAuditorUrl: hashText(url), ...termsOf(plan) }),
      ),
    })),
  };
}

// deno-lint-ignore no-explicit-any -- tests alter any part of the document
export type Json = Record<string, any>;

/** Groups of /keys: one per set of terms, in the order of their first key. */
function groups(plans: readonly DenominationPlan[]): Json[] {
  const found = new Map<string, Json>();
  for (const plan of plans) {
    const { cipher, ageMask, value, fees } = plan;
    const name = JSON.stringify([cipher, ageMask, value, fees]);
    const group = found.get(name) ?? {
      cipher: ageMask === 0 ? cipher : `${cipher}+age_restricted`,
      ...(ageMask === 0 ? {} : { age_mask: ageMask }),
      value: money(value),
      fee_withdraw: money(fees[0]),
      fee_deposit: money(fees[1]),
      fee_refresh: money(fees[2]),
      fee_refund: money(fees[3]),
      denoms: [],
    };
    found.set(name, group);
    group.denoms.push({
      stamp_start: stamp(plan.start),
      stamp_expire_withdraw: stamp(plan.expireWithdraw),
      stamp_expire_deposit: stamp(plan.expireDeposit),
      stamp_expire_legal: stamp(plan.expireLegal),
      master_sig: encodeBase32(signBlock("masterDenominationKey", CURRENCY, MASTER_SEED, termsOf(plan))),
      [cipher === "RSA" ? "rsa_pub" : "cs_pub"]: encodeBase32(keyBytes(plan)),
      ...(plan.lost === undefined ? {} : { lost: plan.lost }),
    });
  }
  return [...found.values()];
}

function sectionsBesideDenominations(): Json {
  const year = { start: NOW - 30n * DAY, end: NOW + 335n * DAY };
  const key = {
    start: NOW - DAY,
    expire: NOW + 14n * DAY,
    end: NOW + 740n * DAY,
    exchangePub: publicKeyOf(SIGNING_SEED),
  };
  const wire = { wireFee: atoms("0.01"), closingFee: atoms("0.02") };
  const fees = { historyFee: atoms("0.01"), accountFee: atoms("0"), purseFee: atoms("0.03") };
  const limits = { purseTimeout: 3_600_000_000n, historyExpiration: NEVER, purseAccountLimit: 5 };
  return {
    signkeys: [{
      key: encodeBase32(key.exchangePub),
      stamp_start: stamp(key.start),
      stamp_expire: stamp(key.expire),
      stamp_end: stamp(key.end),
      master_sig: encodeBase32(signBlock("masterSigningKey", CURRENCY, MASTER_SEED, key)),
    }],
    wire_fees: {
      iban: [{
        wire_fee: money("0.01"),
        closing_fee: money("0.02"),
        start_date: stamp(year.start),
        end_date: stamp(year.end),
        sig: encodeBase32(
          signBlock("masterWireFees", CURRENCY, MASTER_SEED, { hWireMethod: hashText("iban"), ...year, ...wire }),
        ),
      }],
    },
    global_fees: [{
      start_date: stamp(year.start),
      end_date: stamp(year.end),
      purse_timeout: { d_us: 3_600_000_000 },
      history_expiration: { d_us: "forever" },
      purse_account_limit: 5,
      history_fee: money("0.01"),
      account_fee: money("0"),
      purse_fee: money("0.03"),
      master_sig: encodeBase32(signBlock("masterGlobalFees", CURRENCY, MASTER_SEED, { ...year, ...limits, ...fees })),
    }],
    accounts: [account()],
  };
}

function account(): Json {
  const paytoUri = "payto://iban/DE75512108001245126199?receiver-name=Exchange";
  const conversionUrl = "https://conversion.example/";
  const credit = [{ type: "regex", payto_regex: "payto://iban/DE.*", human_hint: "nur \u00e4hnliche" }];
  return {
    payto_uri: paytoUri,
    conversion_url: conversionUrl,
    priority: 0,
    credit_restrictions: credit,
    debit_restrictions: [],
    master_sig: encodeBase32(signBlock("masterWireDetails", CURRENCY, MASTER_SEED, {
      hPayto: hashPayto(paytoUri),
      hConversionUrl: hashText(conversionUrl),
      hDebitRestrictions: known(hashJson([])),
      hCreditRestrictions: known(hashJson(credit)),
    })),
  };
}

function known<T>(value: T | undefined): T {
  if (value === undefined) throw new Error("a value without canonical form");
  return value;
}

/** What else is in a document. */
export interface KeysPlan {
  denominations: readonly DenominationPlan[];
  auditors?: readonly Json[];
  /** Revoked denominations. */
  revoked?: readonly DenominationPlan[];
  baseUrl?: string;
  /** Ages of the announced groups; null: no extension. */
  ageGroups?: string | null;
}

/** The answer to GET /keys. */
export function keysJson(plan: KeysPlan): Json {
  const { denominations, auditors = [], revoked = [], baseUrl = EXCHANGE_URL } = plan;
  const ageGroups = plan.ageGroups === undefined ? "8:10:12:14:16:18:21" : plan.ageGroups;
  const manifests = { age_restriction: { critical: false, version: "1", config: { age_groups: ageGroups } } };
  const body: Json = {
    version: "23:0:6",
    base_url: baseUrl,
    currency: CURRENCY,
    currency_specification: { name: "Kudos", currency: CURRENCY, num_fractional_input_digits: 2 },
    stefan_lin: 0.5,
    master_public_key: encodeBase32(MASTER_PUB),
    ...sectionsBesideDenominations(),
    recoup: revoked.map((revokedPlan) => ({ h_denom_pub: encodeBase32(planHash(revokedPlan)) })),
    denominations: groups(denominations),
    auditors: [...auditors],
    ...(ageGroups === null ? {} : {
      extensions: manifests,
      extensions_sig: encodeBase32(
        signBlock("masterExtension", CURRENCY, MASTER_SEED, { hManifests: known(hashManifests(manifests)) }),
      ),
    }),
  };
  return signList(body);
}

/** Signs the list of denominations anew, after the document was altered. */
export function signList(body: Json): Json {
  const signatures = body.denominations.flatMap((group: Json) =>
    group.denoms.map((denomination: Json) => known(decodeBase32(denomination.master_sig, 64)))
  );
  const message = buildBlock("exchangeKeySet", CURRENCY, {
    listIssueDate: NOW,
    hDenominationSigs: sha512(...signatures),
  });
  return {
    ...body,
    list_issue_date: stamp(NOW),
    exchange_pub: encodeBase32(publicKeyOf(SIGNING_SEED)),
    exchange_sig: encodeBase32(signEd25519(SIGNING_SEED, message)),
  };
}
