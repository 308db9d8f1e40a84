// SPDX-License-Identifier: AGPL-3.0-or-later
/** The keys of a simulated exchange and its auditor, and the rows by which they are announced. */

import { signBlock } from "../crypto/blocks.ts";
import { hashJson, hashPayto, hashText } from "../crypto/objects.ts";
import { serializeDenominationKey } from "../taler/denomination.ts";
import { FRACTION_BASE } from "../taler/amount.ts";
import { DAY, HOUR } from "../taler/time.ts";
import { exchangePayto, type KeyPair, keyPair } from "./accounts.ts";
import { type Denomination, makeDenomination } from "./issuance.ts";
import { endOf, type SimulatorOptions } from "./options.ts";
import { secretOf } from "./random.ts";
import { amount, bytes, type Row, type Step, time } from "./rows.ts";
import type { Terms } from "./terms.ts";

/** All keys that belong to institutions. */
export interface ExchangeKeys {
  readonly master: KeyPair;
  readonly signing: KeyPair;
  readonly auditor: KeyPair;
  /** In the order of the terms. */
  readonly denominations: readonly Denomination[];
}

/** Makes all keys; RSA keys take most of the time. */
export function makeKeys(options: SimulatorOptions, terms: Terms): ExchangeKeys {
  const { seed, rsaBits } = options;
  return {
    master: keyPair(seed, "master"),
    signing: keyPair(seed, "signing"),
    auditor: keyPair(seed, "auditor"),
    denominations: terms.denominations.map((d) =>
      makeDenomination(d, secretOf(seed, "denomination", d.index), rsaBits)
    ),
  };
}

/** Everything the exchange announces before it opens, with the signatures of crypto.md 5.3 and 5.4. */
export function announcements(options: SimulatorOptions, terms: Terms, keys: ExchangeKeys): Step[] {
  const insert = (table: string, rows: Row[]): Step => ({ kind: "insert", table, rows });
  return [
    insert("denominations", keys.denominations.map((d) => denominationRow(options, keys, d))),
    insert("exchange_sign_keys", [signingKeyRow(options, keys)]),
    insert("wire_fee", wireFeeRows(options, terms, keys)),
    insert("global_fee", [globalFeeRow(options, keys)]),
    insert("wire_accounts", [wireAccountRow(options, keys)]),
    insert("auditors", [{
      auditor_uuid: "1",
      auditor_pub: bytes(keys.auditor.pub),
      auditor_name: "Auditor",
      auditor_url: options.auditorBaseUrl,
      is_active: true,
      last_change: time(options.start),
    }]),
    insert("auditor_denom_sigs", keys.denominations.map((d) => auditorSignatureRow(options, keys, d))),
  ];
}

/** What master key and auditor sign of a denomination. */
function signedTerms(keys: ExchangeKeys, { terms, hash }: Denomination) {
  return {
    masterPub: keys.master.pub,
    start: terms.validFrom,
    expireWithdraw: terms.expireWithdraw,
    expireDeposit: terms.expireDeposit,
    expireLegal: terms.expireLegal,
    value: terms.value,
    feeWithdraw: terms.feeWithdraw,
    feeDeposit: terms.feeDeposit,
    feeRefresh: terms.feeRefresh,
    feeRefund: terms.feeRefund,
    hDenomination: hash,
  };
}

function denominationRow({ currency }: SimulatorOptions, keys: ExchangeKeys, d: Denomination): Row {
  const { terms } = d;
  return {
    denominations_serial: d.serial,
    denom_pub_hash: bytes(d.hash),
    denom_type: 1,
    age_mask: terms.ageMask,
    denom_pub: bytes(serializeDenominationKey(d.key)),
    master_sig: bytes(signBlock("masterDenominationKey", currency, keys.master.seed, signedTerms(keys, d))),
    valid_from: time(terms.validFrom),
    expire_withdraw: time(terms.expireWithdraw),
    expire_deposit: time(terms.expireDeposit),
    expire_legal: time(terms.expireLegal),
    coin: amount(terms.value),
    fee_withdraw: amount(terms.feeWithdraw),
    fee_deposit: amount(terms.feeDeposit),
    fee_refresh: amount(terms.feeRefresh),
    fee_refund: amount(terms.feeRefund),
  };
}

function auditorSignatureRow(options: SimulatorOptions, keys: ExchangeKeys, d: Denomination): Row {
  const fields = { hAuditorUrl: hashText(options.auditorBaseUrl), ...signedTerms(keys, d) };
  return {
    auditor_denom_serial: d.serial,
    auditor_uuid: "1",
    denominations_serial: d.serial,
    auditor_sig: bytes(signBlock("auditorDenomination", options.currency, keys.auditor.seed, fields)),
  };
}

function signingKeyRow(options: SimulatorOptions, keys: ExchangeKeys): Row {
  const start = options.start - DAY;
  const expire = endOf(options) + 365n * DAY;
  const end = expire + 2n * 365n * DAY;
  const exchangePub = keys.signing.pub;
  const fields = { start, expire, end, exchangePub };
  return {
    esk_serial: "1",
    exchange_pub: bytes(exchangePub),
    master_sig: bytes(signBlock("masterSigningKey", options.currency, keys.master.seed, fields)),
    valid_from: time(start),
    expire_sign: time(expire),
    expire_legal: time(end),
  };
}

function wireFeeRows({ currency }: SimulatorOptions, terms: Terms, keys: ExchangeKeys): Row[] {
  return terms.wireFees.map(({ method, start, end, wireFee, closingFee }, i) => ({
    wire_fee_serial: (i + 1).toString(),
    wire_method: method,
    start_date: time(start),
    end_date: time(end),
    wire_fee: amount(wireFee),
    closing_fee: amount(closingFee),
    master_sig: bytes(
      signBlock("masterWireFees", currency, keys.master.seed, {
        hWireMethod: hashText(method),
        start,
        end,
        wireFee,
        closingFee,
      }),
    ),
  }));
}

function globalFeeRow(options: SimulatorOptions, keys: ExchangeKeys): Row {
  const cent = FRACTION_BASE / 100n;
  const fields = {
    start: options.start - DAY,
    end: endOf(options) + 365n * DAY,
    purseTimeout: HOUR,
    historyExpiration: 365n * DAY,
    historyFee: cent,
    accountFee: cent,
    purseFee: cent,
    purseAccountLimit: 5,
  };
  return {
    global_fee_serial: "1",
    start_date: time(fields.start),
    end_date: time(fields.end),
    history_fee: amount(fields.historyFee),
    account_fee: amount(fields.accountFee),
    purse_fee: amount(fields.purseFee),
    purse_timeout: time(fields.purseTimeout),
    history_expiration: time(fields.historyExpiration),
    purse_account_limit: fields.purseAccountLimit,
    master_sig: bytes(signBlock("masterGlobalFees", options.currency, keys.master.seed, fields)),
  };
}

function wireAccountRow(options: SimulatorOptions, keys: ExchangeKeys): Row {
  const payto = exchangePayto(options.seed);
  const none = hashJson([]);
  if (none === undefined) throw new Error("an empty list has a hash");
  const fields = {
    hPayto: hashPayto(payto),
    hConversionUrl: undefined,
    hDebitRestrictions: none,
    hCreditRestrictions: none,
  };
  return {
    payto_uri: payto,
    master_sig: bytes(signBlock("masterWireDetails", options.currency, keys.master.seed, fields)),
    is_active: true,
    last_change: time(options.start),
    debit_restrictions: "[]",
    credit_restrictions: "[]",
    priority: "0",
  };
}
