// SPDX-License-Identifier: AGPL-3.0-or-later
/** Melts, reveals and recoups, as events of scenarios and as rows of the exchange. */
import { signBlock } from "../../core/crypto/blocks.ts";
import { sha512 } from "../../core/crypto/hash.ts";
import { MELTS, RECOUP_REFRESHES, RECOUPS } from "../../core/exchange/v014/coins.ts";
import { SETTINGS } from "./audit_world.ts";
import { type CoinRecord, day, flags, type SceneMelt, signed } from "./coin_record.ts";
import type { SceneCoin } from "./mint_scene.ts";
import { bytes32, bytes64, flipped } from "./mint.ts";
import { cell } from "./packed.ts";
import type { Phrase } from "./scenario.ts";

const CURRENCY = SETTINGS.currency;

/** `melt c1 4 into f1:d1 f2:d2`; without `into`, the melt is not revealed. */
export function melt(s: CoinRecord, p: Phrase): void {
  const coin = s.mint.coin(p.word());
  const said = flags(p, "unlinked");
  const amount = p.amount();
  const name = `m${s.melts.size + 1}`;
  const rc = bytes64(name);
  const { feeRefresh, mint } = coin.denomination;
  const { seed, ageCommitment } = coin.mint;
  const fields = { rc, hDenomination: mint.hash, ageCommitment, amount, meltFee: feeRefresh };
  const signature = signBlock("coinMelt", CURRENCY, seed, fields);
  const reference = s.mint.reference(coin);
  if (said.has("unlinked")) s.linked = false;
  const key = () => s.linked ? bytes32("transfer key") : null;
  const serial = s.insert(MELTS, amount, () => [...reference, rc, signed(signature, said), key()]);
  s.melts.set(name, { serial, coin });
  s.history.push({ kind: "melt", serial, coin, amount });
  reveal(s, { serial, coin }, p);
}

/** `into f1:d1 f2:d2`: the fresh coins; without it, the melt is not revealed. */
export function reveal(s: CoinRecord, melt: SceneMelt, p: Phrase): void {
  const said = flags(
    p,
    "forged-link",
    "forged-answer",
    "wrong-hash",
    "copied-hash",
    "gap",
    "garbled",
    "unreadable-first",
    "unreadable-last",
  );
  const fresh = (p.allAfter("into") ?? []).map((c) => s.mint.coin(c, true));
  fresh.forEach((coin, i) => {
    const { hBlinded, blobs } = coin.mint;
    const hDenomination = coin.denomination.mint.hash;
    const link = { hDenomination, transferPub: bytes32("transfer key"), hBlindedCoin: hBlinded };
    const signature = signBlock("coinLink", CURRENCY, melt.coin.mint.seed, link);
    const cut = said.has("unreadable-first") ? i === 0 : said.has("unreadable-last") && i === fresh.length - 1;
    const hash = said.has("wrong-hash") ? bytes64("x") : said.has("copied-hash") ? sha512(blobs.planchet) : hBlinded;
    s.reveals.push({
      serial: BigInt(s.reveals.length + 1),
      melt: melt.serial,
      index: said.has("gap") ? i + 1 : i,
      cells: () => [
        cell.int8(coin.denomination.serial),
        cut ? signature.subarray(1) : said.has("forged-link") ? flipped(signature) : signature,
        said.has("garbled") ? blobs.planchet.subarray(1) : blobs.planchet,
        hash,
        said.has("forged-answer") ? flipped(blobs.blinded, 30) : blobs.blinded,
        blobs.withdrawValues,
      ],
    });
  });
}

/** `recoup c1 4`; `withdrawn c2`: the recoup points to the withdrawal of another coin. */
export function recoup(s: CoinRecord, p: Phrase): void {
  const coin = s.mint.coin(p.word());
  const said = flags(p, "other-blind");
  const origin = p.after("withdrawn");
  const amount = p.amount();
  const { cells, reference } = recoupCells(s, "coinRecoup", coin, said);
  const withdrawn = origin === undefined ? coin : s.mint.coin(origin);
  const serial = s.insert(RECOUPS, amount, () => [
    ...reference,
    cell.int8(withdrawn.denomination.serial),
    bytes32("reserve"),
    withdrawn.mint.hBlinded,
    ...cells,
  ]);
  s.history.push({ kind: "recoup", serial, coin, amount });
}

/** `recoup-refresh f1 1 to c1`. */
export function recoupRefresh(s: CoinRecord, p: Phrase): void {
  const coin = s.mint.coin(p.word());
  const said = flags(p, "other-blind");
  const old = s.mint.coin(p.after("to")!);
  const amount = p.amount();
  const { cells, reference } = recoupCells(s, "coinRecoupRefresh", coin, said);
  const serial = s.insert(RECOUP_REFRESHES, amount, () => [
    ...reference,
    cell.int8(coin.denomination.serial),
    coin.mint.blobs.planchet,
    coin.mint.blobs.withdrawValues,
    cell.int8(old.denomination.serial),
    ...cells,
  ]);
  s.history.push({ kind: "recoup-refresh-new", serial, coin, amount });
  s.history.push({ kind: "recoup-refresh-old", serial, coin: old, amount });
}

function recoupCells(s: CoinRecord, name: "coinRecoup" | "coinRecoupRefresh", coin: SceneCoin, said: Set<string>) {
  const coinBlind = said.has("other-blind") ? bytes32("other") : coin.mint.blind;
  const fields = { hDenomination: coin.denomination.mint.hash, coinBlind };
  const signature = signed(signBlock(name, CURRENCY, coin.mint.seed, fields), said);
  return { reference: s.mint.reference(coin), cells: [signature, coinBlind, day(30)] };
}
