// SPDX-License-Identifier: AGPL-3.0-or-later
import assert from "node:assert/strict";
import { verifyBlock } from "../../core/crypto/blocks.ts";
import { sha512, sha512Short, utf8Bytes, zeroTerminated } from "../../core/crypto/hash.ts";
import { kdf } from "../../core/crypto/kdf.ts";
import {
  deriveAgeCommitmentHash,
  hashBlindedCoin,
  hashClosure,
  hashCoin,
  hashDenominationGroup,
  hashDenominationKey,
  hashJson,
  hashManifests,
  hashPayto,
  hashPolicy,
  hashText,
  hashWire,
  refreshCommitment,
} from "../../core/crypto/objects.ts";
import { parseRsaKey, verifyRsa } from "../../core/crypto/rsa.ts";
import { parseAmount } from "../../core/taler/amount.ts";
import { decodeBase32 } from "../../core/taler/base32.ts";
import { parseDenominationKey, parseDenominationSignature, parsePlanchet } from "../../core/taler/denomination.ts";
import { normalizePayto, reservePayto } from "../../core/taler/payto.ts";
import { SECOND } from "../../core/taler/time.ts";
import blocks from "../fixtures/blocks.json" with { type: "json" };
import coins from "../fixtures/coins.json" with { type: "json" };
import exchange from "../fixtures/exchange-2022.json" with { type: "json" };
import parsers from "../fixtures/parsers.json" with { type: "json" };
import protocol from "../fixtures/protocol.json" with { type: "json" };

const hex = (text: string): Uint8Array => Uint8Array.fromHex(text);
const label = (text: string): Uint8Array => sha512Short(utf8Bytes(text));

function atoms(text: string): bigint {
  return parseAmount(text)?.atoms ?? assert.fail(text);
}

Deno.test("coin hashes and age commitment (crypto.md 11.1 and 11.7)", () => {
  const { publicKeys, hash } = parsers.ageCommitment;
  const keys = publicKeys.map((text) => decodeBase32(text, 32) ?? assert.fail(text));
  assert.deepEqual(deriveAgeCommitmentHash(keys), decodeBase32(hash, 32));
  const coinPub = hex(coins.items.coin_pub);
  const none = coins.items["coin hash without age commitment"];
  assert.equal(hashCoin(coinPub).toHex(), none);
  assert.equal(hashCoin(coinPub, null).toHex(), none);
  assert.equal(hashCoin(coinPub, new Uint8Array(32)).toHex(), none);
  const age = hex(coins.items["age commitment hash"]);
  assert.equal(hashCoin(coinPub, age).toHex(), coins.items["coin hash with age commitment"]);
});

const rsaKey = hex(coins.items["RSA denomination: encoded public key (263 bytes)"]);
const csKey = hex(coins.items["CS denomination: public key"]);
const rsaBlinded = utf8Bytes("blinded-rsa-message");
const csBlinded = new Uint8Array([...label("tv-c0"), ...label("tv-c1"), ...label("tv-nonce")]);

Deno.test("denomination and blinded coin hashes (crypto.md 11.7)", () => {
  const { items } = coins;
  const rows = [
    [
      0,
      "RSA",
      rsaKey,
      rsaBlinded,
      items["RSA denomination hash, age mask 0"],
      items[
        'BCH, RSA, mask 0, blinded message = ASCII "blinded-rsa-message"'
      ],
    ],
    [
      278785,
      "RSA",
      rsaKey,
      rsaBlinded,
      items["RSA denomination hash, age mask 278785"],
      items["BCH, RSA, mask 278785"],
    ],
    [
      0,
      "CS",
      csKey,
      csBlinded,
      items["CS denomination hash, age mask 0"],
      items[
        'BCH, CS, mask 0, c0 = H32("tv-c0"), c1 = H32("tv-c1"), nonce = H32("tv-nonce")'
      ],
    ],
    [278785, "CS", csKey, csBlinded, items["CS denomination hash, age mask 278785"], items["BCH, CS, mask 278785"]],
  ] as const;
  for (const [ageMask, cipher, key, message, denominationHash, blindedHash] of rows) {
    const hash = hashDenominationKey({ cipher, ageMask, key });
    assert.equal(hash.toHex(), denominationHash);
    assert.equal(hashBlindedCoin(hash, cipher, message).toHex(), blindedHash);
  }
});

Deno.test("refresh commitment with and without master secret (crypto.md 11.7)", () => {
  const { items } = coins;
  const planchets = [{ cipher: "RSA", message: rsaBlinded }, { cipher: "CS", message: csBlinded }] as const;
  const commitment = {
    transferPubs: [label("tv-tp0"), label("tv-tp1"), label("tv-tp2")],
    denominationHashes: [
      hex(items["RSA denomination hash, age mask 0"]),
      hex(items["CS denomination hash, age mask 0"]),
    ],
    oldCoinPub: hex(items.coin_pub),
    currency: "KUDOS",
    amount: atoms("KUDOS:5.12345678"),
    planchets: [planchets, planchets, planchets],
  };
  const [name, without] = Object.entries(items).find(([title]) => title.startsWith("rc without rms")) ?? assert.fail();
  assert.ok(name.includes("KUDOS:5.12345678"));
  assert.equal(refreshCommitment(commitment).toHex(), without);
  assert.equal(refreshCommitment({ ...commitment, rms: null }).toHex(), without);
  assert.equal(
    refreshCommitment({ ...commitment, rms: label("tv-rms") }).toHex(),
    items['rc with rms = H32("tv-rms")'],
  );
});

Deno.test("denomination group hash (crypto.md 11.7)", () => {
  const group = {
    currency: "KUDOS",
    value: atoms("KUDOS:5"),
    feeWithdraw: atoms("KUDOS:0.01"),
    feeDeposit: atoms("KUDOS:0.02"),
    feeRefresh: atoms("KUDOS:0.03"),
    feeRefund: atoms("KUDOS:0.04"),
    ageMask: 0,
    cipher: "CS",
  } as const;
  const [first] = Object.entries(coins.items).filter(([name]) => name.startsWith("group hash: value"));
  assert.equal(hashDenominationGroup(group).toHex(), first?.[1]);
  assert.equal(
    hashDenominationGroup({ ...group, ageMask: 278785 }).toHex(),
    coins.items["group hash, same with mask 278785"],
  );
});

Deno.test("hashes of accounts and JSON (crypto.md 11.10)", () => {
  const { items } = blocks;
  const payto = items["full payto"];
  assert.equal(hashPayto(payto).toHex(), items.h_full);
  assert.equal(hashPayto(normalizePayto(payto) ?? "").toHex(), items["its hash"]);
  assert.equal(hashWire(new Uint8Array(16).fill(0x5a), payto).toHex(), items["h_wire with salt = 16 bytes 5a"]);
  const reserve = reservePayto("https://exchange.example.com/", hex(blocks.keys.reserve.publicKey)) ?? "";
  assert.equal(hashPayto(reserve).toHex(), items.h_reserve);
  assert.equal(hashJson([])?.toHex(), items["J1 = JSON hash of []"]);
  assert.equal(
    hashJson([{ type: "deny", hint: "b" }])?.toHex(),
    items['J2 = JSON hash of [{"type":"deny","hint":"b"}]'],
  );
  assert.equal(hashJson([1.5]), undefined);
});

Deno.test("policy, manifests, texts and closures follow their formulas (crypto.md 1.6, 1.8 and 9.4)", () => {
  const value = { b: 1, a: [] };
  const text = zeroTerminated('{"a":[],"b":1}');
  assert.deepEqual(hashPolicy(value), kdf(64, zeroTerminated("taler-extensions-policy"), text));
  assert.deepEqual(hashManifests(value), kdf(64, zeroTerminated("taler-extensions-manifests"), text));
  assert.equal(hashPolicy(0.5), undefined);
  assert.equal(hashManifests(undefined), undefined);
  assert.deepEqual(hashText("iban"), sha512(utf8Bytes("iban\0")));
  const wtid = label("wtid");
  assert.deepEqual(hashClosure(wtid, "payto://void/x"), sha512(wtid, utf8Bytes("payto://void/x")));
});

Deno.test("authentic exchange of 2022: keys, coin, withdrawal, refresh (crypto.md 11.8)", () => {
  const { items } = exchange;
  const currency = "TESTKUDOS";
  const master = hex(items.master_pub);
  const key = parseDenominationKey(hex(items["denominations.denom_pub"])) ?? assert.fail();
  const hDenomination = hashDenominationKey(key);
  assert.equal(hDenomination.toHex(), items["denominations.denom_pub_hash"]);
  const validity = {
    masterPub: master,
    start: BigInt(items["denominations.valid_from"]),
    expireWithdraw: BigInt(items["denominations.expire_withdraw"]),
    expireDeposit: BigInt(items["denominations.expire_deposit"]),
    expireLegal: BigInt(items["denominations.expire_legal"]),
    value: atoms(items["denominations.coin"]),
    feeWithdraw: atoms(items["denominations.fee_withdraw"]),
    feeDeposit: atoms(items["denominations.fee_deposit"]),
    feeRefresh: atoms(items["denominations.fee_refresh"]),
    feeRefund: atoms(items["denominations.fee_refund"]),
    hDenomination,
  };
  const masterSig = hex(items["denominations.master_sig (1025)"]);
  assert.equal(verifyBlock("masterDenominationKey", currency, master, masterSig, validity), true);
  const auditorFields = { hAuditorUrl: hashText(items["auditors.auditor_url"]), ...validity };
  const auditorSig = hex(items["auditor_denom_sigs.auditor_sig (1064)"]);
  const auditor = hex(items["auditors.auditor_pub"]);
  assert.equal(verifyBlock("auditorDenomination", currency, auditor, auditorSig, auditorFields), true);
  const signature = parseDenominationSignature(hex(items["known_coins.denom_sig (no age commitment)"]));
  const rsa = parseRsaKey(key.key);
  const coinPub = hex(items["known_coins.coin_pub"]);
  assert.ok(rsa && signature && verifyRsa(rsa, hashCoin(coinPub), signature.value));
  const withdraw = {
    amount: atoms(items["reserves_out.amount_with_fee"]),
    hDenomination,
    hBlindedCoin: hex(items["reserves_out.h_blind_ev"]),
  };
  const reserve = hex(items["reserves.reserve_pub"]);
  const reserveSig = hex(items["reserves_out.reserve_sig (1200)"]);
  assert.equal(verifyBlock("reserveWithdraw", currency, reserve, reserveSig, withdraw), true);
  const melt = {
    rc: hex(items["refresh_commitments.rc"]),
    hDenomination,
    ageCommitment: null,
    amount: atoms(items["refresh_commitments.amount_with_fee"]),
    meltFee: validity.feeRefresh,
  };
  const meltSig = hex(items["refresh_commitments.old_coin_sig (1202)"]);
  assert.equal(verifyBlock("coinMelt", currency, coinPub, meltSig, melt), true);
  const planchet = parsePlanchet(hex(items["refresh_revealed_coins.coin_ev"])) ?? assert.fail();
  const newDenomination = hex(items["new coin denom_pub_hash"]);
  const hBlindedCoin = hashBlindedCoin(newDenomination, planchet.cipher, planchet.message);
  assert.equal(hBlindedCoin.toHex(), items["refresh_revealed_coins.h_coin_ev"]);
  const link = {
    hDenomination: newDenomination,
    transferPub: hex(items["refresh_transfer_keys.transfer_pub"]),
    hBlindedCoin,
  };
  const linkSig = hex(items["refresh_revealed_coins.link_sig (1204)"]);
  assert.equal(verifyBlock("coinLink", currency, coinPub, linkSig, link), true);
});

Deno.test("authentic exchange of 2022: refund, account, signing key, revocation, recoup (crypto.md 11.8)", () => {
  const { items } = exchange;
  const currency = "TESTKUDOS";
  const refund = {
    hContractTerms: hex(items["refund: h_contract_terms"]),
    coinPub: hex(items["refund: coin_pub"]),
    rtransactionId: BigInt(items["refund: rtransaction_id"]),
    amount: atoms(items["refund: amount_with_fee"]),
  };
  const refundSig = hex(items["refunds.merchant_sig (1102)"]);
  assert.equal(
    verifyBlock("merchantRefund", currency, hex(items["refund: merchant_pub"]), refundSig, refund),
    true,
  );
  const payto = items["wire_targets.payto_uri"];
  assert.equal(hashPayto(payto).toHex(), items["wire_targets.wire_target_h_payto"]);
  assert.equal(hashWire(hex(items.wire_salt), payto).toHex(), items.h_wire);
  assert.equal(normalizePayto(payto), "payto://iban/DE474361");
  const [start = 0n, expire = 0n, end = 0n] = items["signkey: start / expire / end"].split(" / ").map(BigInt);
  const signkey = { start, expire, end, exchangePub: hex(items["signkey: exchange_pub"]) };
  const signkeySig = hex(items["signkey: master_sig (1024)"]);
  assert.equal(verifyBlock("masterSigningKey", currency, hex(items.master_pub), signkeySig, signkey), true);
  const revoked = { hDenomination: hex(items["revoked denom_pub_hash"]) };
  const revokedSig = hex(items["denomination_revocations.master_sig (1029)"]);
  const second = hex(items["second exchange: master_pub"]);
  assert.equal(verifyBlock("masterDenominationRevoked", currency, second, revokedSig, revoked), true);
  const recoup = {
    hDenomination: hex(items["recoup: denom_pub_hash"]),
    coinBlind: hex(items["recoup.coin_blind"]),
  };
  const recoupSig = hex(items["recoup.coin_sig (1203)"]);
  assert.equal(verifyBlock("coinRecoup", currency, hex(items["recoup.coin_pub"]), recoupSig, recoup), true);
  const recoupRefresh = {
    hDenomination: hex(items["recoup_refresh: denom_pub_hash"]),
    coinBlind: hex(items["recoup_refresh.coin_blind"]),
  };
  const refreshSig = hex(items["recoup_refresh.coin_sig (1206)"]);
  const refreshCoin = hex(items["recoup_refresh.coin_pub"]);
  assert.equal(verifyBlock("coinRecoupRefresh", currency, refreshCoin, refreshSig, recoupRefresh), true);
  // The two purposes sign the same bytes otherwise: one must not pass for the other (crypto.md 10, number 1).
  assert.equal(verifyBlock("coinRecoup", currency, refreshCoin, refreshSig, recoupRefresh), false);
});

/** What the signatures of the published protocol run have in common (crypto.md 11.9). */
const run = {
  currency: "KUDOS",
  hContractTerms: hex(protocol.items.h_contract),
  hWire: hashWire(hex(protocol.items.wire_salt), protocol.items["merchant.payto"]),
  merchant: hex(protocol.items["merchant.pub"]),
  exchange: hex(protocol.items["exchange.pub"]),
  coins: [hex(protocol.items["coin 0.pub"]), hex(protocol.items["coin 1.pub"])] as const,
  /** Wallet timestamp, refund deadline, wire deadline. */
  times: protocol.items["deposit: wallet_timestamp, refund_deadline, wire_deadline (s)"].split(", ")
    .map((second) => BigInt(second) * SECOND) as unknown as readonly [bigint, bigint, bigint],
  coinSigs: Object.entries(protocol.items).filter(([name]) => name.startsWith("deposit coin"))
    .map(([, signature]) => hex(signature)) as unknown as readonly [Uint8Array, Uint8Array],
} as const;

Deno.test("published protocol run: contract and deposits (crypto.md 11.9)", () => {
  const { items } = protocol;
  const { currency, hContractTerms, hWire, merchant } = run;
  assert.deepEqual(sha512(zeroTerminated(protocol.contract)), hContractTerms);
  assert.deepEqual(hashJson(JSON.parse(protocol.contract)), hContractTerms);
  assert.equal(hWire.toHex(), items.h_wire);
  const hDenomination = hashDenominationKey({ cipher: "RSA", ageMask: 0, key: rsaKey });
  assert.equal(hDenomination.toHex(), items["h_denom 0"]);
  const contract = hex(items["merchant contract signature (1101)"]);
  assert.equal(verifyBlock("merchantContract", currency, merchant, contract, { hContractTerms }), true);
  const deposits = [
    { hDenomination, amount: atoms(items["denom 0.value"]) },
    { hDenomination: hex(items["h_denom 1"]), amount: atoms("KUDOS:2.31") },
  ] as const;
  for (const index of [0, 1] as const) {
    const deposit = {
      hContractTerms,
      ageCommitment: null,
      hPolicy: null,
      hWire,
      walletTimestamp: run.times[0],
      refundDeadline: run.times[1],
      depositFee: atoms("KUDOS:0.01"),
      merchantPub: merchant,
      walletDataHash: null,
      ...deposits[index],
    };
    assert.equal(verifyBlock("coinDeposit", currency, run.coins[index], run.coinSigs[index], deposit), true);
  }
});

Deno.test("published protocol run: confirmation, payment, refund, history (crypto.md 11.9)", () => {
  const { items } = protocol;
  const { currency, hContractTerms, merchant, exchange: exchangePub } = run;
  const confirmation = {
    hContractTerms,
    hWire: run.hWire,
    hPolicy: null,
    exchangeTimestamp: 1771076264n * SECOND,
    wireDeadline: run.times[2],
    refundDeadline: run.times[1],
    totalWithoutFee: atoms("KUDOS:7.43"),
    hCoinSigs: sha512(...run.coinSigs),
    merchantPub: merchant,
  };
  const [, confirmed] = Object.entries(items).find(([name]) => name.startsWith("deposit confirmation")) ??
    assert.fail();
  assert.equal(verifyBlock("exchangeConfirmDeposit", currency, exchangePub, hex(confirmed), confirmation), true);
  const swapped = { ...confirmation, hCoinSigs: sha512(...run.coinSigs.toReversed()) };
  assert.equal(verifyBlock("exchangeConfirmDeposit", currency, exchangePub, hex(confirmed), swapped), false);
  const paid = hex(items["merchant payment-ok (1104)"]);
  assert.equal(verifyBlock("merchantPaymentOk", currency, merchant, paid, { hContractTerms }), true);
  const rtransactionId = BigInt(items["refund: rtransaction_id"]);
  const refund = { hContractTerms, coinPub: run.coins[0], rtransactionId, amount: atoms("KUDOS:2.1") };
  const refunded = hex(items["refund of coin 0, KUDOS:2.1: merchant signature (1102)"]);
  assert.equal(verifyBlock("merchantRefund", currency, merchant, refunded, refund), true);
  // The column is a signed integer: the same number, read from a row, is negative.
  const stored = { ...refund, rtransactionId: BigInt.asIntN(64, rtransactionId) };
  assert.equal(verifyBlock("merchantRefund", currency, merchant, refunded, stored), true);
  const answer = hex(items["refund confirmation by the exchange (1038)"]);
  const answerFields = { ...refund, merchantPub: merchant };
  assert.equal(verifyBlock("exchangeConfirmRefund", currency, exchangePub, answer, answerFields), true);
  const history = hex(items["coin 1 history request, start_off 0 (1209)"]);
  assert.equal(verifyBlock("coinHistory", currency, run.coins[1], history, { startOffset: 0n }), true);
});
