// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Denominations and coins of scenarios. A denomination is named after its value: `d5`, `d0.5`, `d5x`; a coin by a name
 * and, where it is first met, its denomination: `c1:d5` (`d5` if nothing is said). Both appear when they are first
 * met; `denomination` and `coin` say what is special about them.
 */
import { signBlock } from "../../core/crypto/blocks.ts";
import { hashText } from "../../core/crypto/objects.ts";
import { KNOWN_COINS } from "../../core/exchange/v014/coins.ts";
import { DAY, timeToDb } from "../../core/taler/time.ts";
import { AUDITOR, type AuditWorld, MASTER, SETTINGS } from "./audit_world.ts";
import { page } from "./memory_sql.ts";
import { bytes32, flipped, type MintCoin, mintCoin, type MintKey, mintKey } from "./mint.ts";
import { type Cell, cell } from "./packed.ts";
import { atoms, type Phrase } from "./scenario.ts";

/** A denomination of a scenario. */
export interface SceneDenomination {
  name: string;
  serial: bigint;
  mint: MintKey;
  value: bigint;
  feeWithdraw: bigint;
  feeDeposit: bigint;
  feeRefresh: bigint;
  feeRefund: bigint;
  expireDeposit: bigint;
  /** What is special about it. */
  flags: Set<string>;
}

/** A coin of a scenario. */
export interface SceneCoin {
  name: string;
  /** Row in `known_coins`, once the coin was spent. */
  known: bigint | undefined;
  denomination: SceneDenomination;
  mint: MintCoin;
  flags: Set<string>;
}

const DENOMINATION_FLAGS = [
  "cs",
  "aged",
  "lost",
  "unsigned",
  "forged",
  "forged-master",
  "revoked",
  "forged-revocation",
  "wrong-hash",
  "unreadable",
];
const COIN_FLAGS = ["forged", "garbled", "aged", "unissued", "unknown"];

function flagsOf(p: Phrase, known: readonly string[]): Set<string> {
  return new Set(known.filter((f) => p.flag(f)));
}

/** What master and auditor sign of a denomination. */
function termsOf(d: SceneDenomination) {
  return {
    masterPub: MASTER.pub,
    start: 0n,
    expireWithdraw: 100n * DAY,
    expireDeposit: d.expireDeposit,
    expireLegal: 300n * DAY,
    value: d.value,
    feeWithdraw: d.feeWithdraw,
    feeDeposit: d.feeDeposit,
    feeRefresh: d.feeRefresh,
    feeRefund: d.feeRefund,
    hDenomination: d.mint.hash,
  };
}

/** A signature of the master key over a revocation. */
function revocationOf(d: SceneDenomination): Uint8Array | undefined {
  const good = signBlock("masterDenominationRevoked", "KUDOS", MASTER.seed, { hDenomination: d.mint.hash });
  if (d.flags.has("forged-revocation")) return flipped(good);
  return d.flags.has("revoked") ? good : undefined;
}

function denominationCells(d: SceneDenomination): Cell[] {
  const terms = termsOf(d);
  const master = signBlock("masterDenominationKey", "KUDOS", MASTER.seed, terms);
  const hAuditorUrl = hashText(SETTINGS.auditorBaseUrl);
  const auditor = signBlock("auditorDenomination", "KUDOS", AUDITOR.seed, { hAuditorUrl, ...terms });
  const revocation = revocationOf(d);
  const times = [terms.start, terms.expireWithdraw, terms.expireDeposit, terms.expireLegal];
  return [
    cell.int8(d.serial),
    d.flags.has("wrong-hash") ? flipped(d.mint.hash) : d.mint.hash,
    cell.int4(d.mint.ageMask),
    d.flags.has("unreadable") ? d.mint.blob.subarray(1) : d.mint.blob,
    d.flags.has("forged-master") ? flipped(master) : master,
    ...times.map((t) => cell.int8(timeToDb(t))),
    ...[d.value, d.feeWithdraw, d.feeDeposit, d.feeRefresh, d.feeRefund].map((a) => cell.amount(a)),
    d.flags.has("unsigned") ? null : d.flags.has("forged") ? flipped(auditor) : auditor,
    revocation === undefined ? null : cell.int8(d.serial + 70n),
    revocation ?? null,
  ];
}

/** The money of a scenario. */
export class MintScene {
  readonly denominations = new Map<string, SceneDenomination>();
  readonly coins = new Map<string, SceneCoin>();

  /** @param issue called for every coin that appears without being withdrawn by an event */
  constructor(readonly world: AuditWorld, readonly issue: (coin: SceneCoin) => void) {
    world.exchange.answer("FROM exchange.denominations d", () => {
      const present = [...this.denominations.values()].filter((d) => !d.flags.has("lost"));
      return page(present.map(denominationCells));
    });
  }

  /** The denomination of a name. */
  denomination(name: string): SceneDenomination {
    return this.denominations.get(name) ?? this.#denomination(name, new Set(), () => undefined);
  }

  #denomination(name: string, flags: Set<string>, option: (name: string) => string | undefined): SceneDenomination {
    const fee = (what: string, usual: string) => atoms(option(what) ?? usual);
    const value = /^d([0-9.]+)/.exec(name)?.[1];
    if (value === undefined) throw new Error(`a denomination is named after its value, not ${name}`);
    const made: SceneDenomination = {
      name,
      flags,
      serial: BigInt(this.denominations.size + 1),
      mint: mintKey(`denomination ${name}`, flags.has("cs") ? "CS" : "RSA", flags.has("aged") ? 0b1001 : 0),
      value: atoms(value),
      feeWithdraw: fee("withdraw", "0.01"),
      feeDeposit: fee("deposit", "0.02"),
      feeRefresh: fee("refresh", "0.03"),
      feeRefund: fee("refund", "0.04"),
      expireDeposit: BigInt(option("expires") ?? 200) * DAY,
    };
    this.denominations.set(name, made);
    this.world.names.give(made.mint.hash, name);
    return made;
  }

  /** `denomination d5 cs revoked refund=0.5`: what is special about a denomination. */
  declareDenomination(p: Phrase): void {
    const name = p.word();
    const flags = flagsOf(p, DENOMINATION_FLAGS);
    const existing = this.denominations.get(name);
    if (existing === undefined) this.#denomination(name, flags, (o) => p.option(o));
    else existing.flags = flags;
  }

  /** `coin c1:d5 forged`: what is special about a coin. */
  declareCoin(p: Phrase): void {
    const word = p.word();
    this.#coin(word, flagsOf(p, COIN_FLAGS));
  }

  /** The coin of a word such as `c1` or `c1:d5`; `issued` says that the event itself issues it. */
  coin(word: string, issued = false): SceneCoin {
    const [name] = word.split(":");
    return this.coins.get(name!) ?? this.#coin(word, new Set(issued ? ["unissued"] : []));
  }

  #coin(word: string, flags: Set<string>): SceneCoin {
    const [name, denominationName = "d5"] = word.split(":");
    const denomination = this.denomination(denominationName);
    const age = flags.has("aged") ? bytes32(`age ${name}`) : undefined;
    const made = {
      name: name!,
      known: undefined,
      denomination,
      flags,
      mint: mintCoin(`${name} of ${denomination.name}`, denomination.mint, age),
    };
    this.coins.set(name!, made);
    this.world.names.give(made.mint.pub, name!);
    if (!flags.has("unissued")) this.issue(made);
    return made;
  }

  /** The four cells with which an operation names its coin; the coin is known to the exchange from then on. */
  reference(coin: SceneCoin): Cell[] {
    if (coin.flags.has("unknown")) return [null, null, null, null];
    const { pub, ageCommitment } = coin.mint;
    const serial = cell.int8(coin.denomination.serial);
    coin.known ??= this.world.exchange.insert(KNOWN_COINS as never, {
      cells: () => [serial, pub, ageCommitment ?? null, signatureOf(coin)],
    });
    return [cell.int8(coin.known), serial, pub, ageCommitment ?? null];
  }
}

function signatureOf(coin: SceneCoin): Uint8Array {
  const { signature } = coin.mint.blobs;
  if (coin.flags.has("garbled")) return signature.subarray(3);
  return coin.flags.has("forged") ? flipped(signature, 20) : signature;
}
