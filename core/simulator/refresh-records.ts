// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Rows of refreshes: melt, transfer keys, fresh coins with links (crypto.md 6). Commitments cover all three candidates as
 * they must; how a wallet derives coins from transfer keys is its own affair, and simpler here than in real ones.
 */

import { x25519 } from "@noble/curves/ed25519.js";
import { signBlock } from "../crypto/blocks.ts";
import { refreshCommitment } from "../crypto/objects.ts";
import { serializeBlindedSignature, serializePlanchet, serializeWithdrawValues } from "../taler/denomination.ts";
import { newCoinRows } from "./deposit-records.ts";
import { blindCoin, type CoinSecrets, coinSecrets, type Denomination, issueCoin, promiseOf } from "./issuance.ts";
import { coinOf, denominationOf, insert, type Recorder } from "./recorder.ts";
import { secretOf } from "./random.ts";
import { amount, bytes, type Row, type Step } from "./rows.ts";
import type { Day, Melt } from "./world.ts";

/** Candidates of a refresh, of which the exchange opens all but one (crypto.md 6). */
const CANDIDATES = [0, 1, 2] as const;

/** Melts with their reveals; the wallets here never leave one hanging. */
export function refreshSteps(r: Recorder, day: Day): Step[] {
  const known = newCoinRows(r, day, day.melts.map((m) => m.coin));
  const records = day.melts.map((melt) => recordMelt(r, melt));
  return [
    insert("known_coins", known),
    insert("refresh_commitments", records.map((x) => x.melt)),
    insert("refresh_transfer_keys", records.map((x) => x.keys)),
    insert("refresh_revealed_coins", records.flatMap((x) => x.fresh)),
  ];
}

function recordMelt(r: Recorder, melt: Melt): { melt: Row; keys: Row; fresh: Row[] } {
  const { currency, seed } = r.options;
  const old = coinOf(r, melt.coin);
  const transferPrivs = CANDIDATES.map((candidate) => secretOf(seed, "transfer", melt.index, candidate));
  const transferPubs = transferPrivs.map((secret) => x25519.getPublicKey(secret));
  const transferPub = transferPubs[melt.kept]!;
  const fresh = melt.fresh.map((index, position) => freshCoin(r, melt, index, position));
  const rc = refreshCommitment({
    rms: secretOf(seed, "refresh master", melt.index),
    transferPubs,
    denominationHashes: fresh.map((f) => f.denomination.hash),
    oldCoinPub: old.pub,
    currency,
    amount: melt.amount,
    planchets: CANDIDATES.map((candidate) =>
      fresh.map((f) => ({ cipher: f.denomination.terms.cipher, message: f.messages[candidate]! }))
    ),
  });
  const serial = r.serials.next("refresh_commitments");
  return {
    melt: {
      melt_serial_id: serial,
      rc: bytes(rc),
      old_coin_pub: bytes(old.pub),
      old_coin_sig: bytes(
        signBlock("coinMelt", currency, old.seed, {
          rc,
          hDenomination: old.denomination.hash,
          ageCommitment: old.ageCommitment,
          amount: melt.amount,
          meltFee: old.denomination.terms.feeRefresh,
        }),
      ),
      amount_with_fee: amount(melt.amount),
      noreveal_index: melt.kept,
    },
    keys: {
      rtc_serial: r.serials.next("refresh_transfer_keys"),
      melt_serial_id: serial,
      transfer_pub: bytes(transferPub),
      transfer_privs: bytes(joined(transferPrivs.filter((_, candidate) => candidate !== melt.kept))),
    },
    fresh: melt.fresh.map((index, position) => freshRow(r, serial, index, position, old.seed, transferPub)),
  };
}

/** A fresh coin as all three candidates propose it; the one that is kept is issued. */
function freshCoin(
  r: Recorder,
  melt: Melt,
  index: number,
  position: number,
): { denomination: Denomination; messages: Uint8Array[] } {
  const denomination = denominationOf(r, index);
  const nonce = secretOf(r.options.seed, "refresh nonce", melt.index, position);
  const promise = promiseOf(denomination, nonce);
  const secrets = (candidate: number): CoinSecrets =>
    coinSecrets(
      secretOf(r.options.seed, "change", melt.index, candidate, position),
      denomination.terms.ageMask,
    );
  const messages = CANDIDATES.map((candidate) => {
    if (candidate !== melt.kept) return blindCoin(denomination, secrets(candidate), nonce, promise);
    const coin = issueCoin(denomination, secrets(candidate), nonce, promise);
    r.coins.set(index, coin);
    return coin.message;
  });
  return { denomination, messages };
}

function freshRow(
  r: Recorder,
  melt: string,
  index: number,
  position: number,
  oldCoin: Uint8Array,
  transferPub: Uint8Array,
): Row {
  const { denomination, message, hBlindedCoin, blindedSignature, withdrawValues } = coinOf(r, index);
  return {
    rrc_serial: r.serials.next("refresh_revealed_coins"),
    melt_serial_id: melt,
    freshcoin_index: position,
    link_sig: bytes(
      signBlock("coinLink", r.options.currency, oldCoin, {
        hDenomination: denomination.hash,
        transferPub,
        hBlindedCoin,
      }),
    ),
    denominations_serial: denomination.serial,
    coin_ev: bytes(serializePlanchet({ cipher: denomination.terms.cipher, message })),
    h_coin_ev: bytes(hBlindedCoin),
    ev_sig: bytes(serializeBlindedSignature(blindedSignature)),
    ewv: bytes(serializeWithdrawValues(withdrawValues)),
  };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(part, offset);
    offset += part.length;
  }
  return all;
}
