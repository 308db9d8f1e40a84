// SPDX-License-Identifier: AGPL-3.0-or-later
/** The keys with which the exchange signs confirmations, from both sides, checked by the master key (DC-R2, DC-R3). */
import { buildBlock } from "../../../crypto/blocks.ts";
import type { RowReader } from "../../../db/page.ts";
import type { SigningKeyRow } from "../../../exchange/confirmation-rows.ts";
import { readRows } from "../../../exchange/source.ts";
import { decodeSigningKey, SIGNING_KEYS } from "../../../exchange/v014/confirmations.ts";
import { rowInconsistency } from "../../findings.ts";
import { encodeHex } from "../../hex.ts";
import type { PassRun } from "../../pass.ts";
import { TaskWriter } from "../../tasks.ts";
import { settle } from "./state.ts";

/** What is known of a signing key. */
export interface SigningKey {
  /** Row in `auditor_exchange_signkeys`: merchants handed the key in with confirmations. */
  handedIn: { row: bigint; valid: boolean } | undefined;
  /** The exchange's own database has it. */
  own: { valid: boolean } | undefined;
  /** The exchange revoked it. */
  revocation: { serial: bigint; valid: boolean } | undefined;
}

/** By public key in hexadecimal. */
export type SigningKeys = ReadonlyMap<string, SigningKey>;

/** Whether the master key stands behind a signing key. */
export function isGenuine(key: SigningKey | undefined): boolean {
  return key?.handedIn?.valid === true || key?.own?.valid === true;
}

const HANDED_IN = `SELECT k.row_id AS serial, k.exchange_pub, k.master_sig, k.ep_valid_from, k.ep_expire_sign,
    k.ep_expire_legal, NULL::int8, NULL::bytea FROM auditor.auditor_exchange_signkeys k ORDER BY 1`;

function certificate(run: PassRun, tasks: TaskWriter, k: SigningKeyRow): number {
  const { currency, masterPub } = run.context.settings;
  const { exchangePub, validFrom, expireSign, expireLegal } = k;
  const fields = { start: validFrom, expire: expireSign, end: expireLegal, exchangePub };
  return tasks.ed25519(masterPub, k.masterSig, buildBlock("masterSigningKey", currency, fields));
}

/** Loads all signing keys; an unreadable one is as good as none. */
export async function loadSigningKeys(run: PassRun): Promise<SigningKeys> {
  const { source, auditor, pool, settings: { currency, masterPub } } = run.context;
  const decode = (r: RowReader) => decodeSigningKey(r);
  const own = await readRows(source, "exchange_sign_keys", SIGNING_KEYS, [], decode);
  const handedIn = await readRows(auditor, "auditor_exchange_signkeys", HANDED_IN, [], decode);
  const tasks = new TaskWriter();
  const written = [...own, ...handedIn].map((r) => {
    if (!("row" in r)) return undefined;
    const { exchangePub, revocation } = r.row;
    const revoked = revocation && tasks.ed25519(
      masterPub,
      revocation.masterSig,
      buildBlock("masterSigningKeyRevoked", currency, { exchangePub }),
    );
    return { serial: r.serial, row: r.row, task: certificate(run, tasks, r.row), revoked };
  });
  const verdicts = await pool.run(tasks);
  const keys = new Map<string, SigningKey>();
  written.forEach((w, i) => {
    if (w === undefined) return;
    const name = encodeHex(w.row.exchangePub);
    const key = keys.get(name) ?? { handedIn: undefined, own: undefined, revocation: undefined };
    const valid = verdicts[w.task] === 1;
    if (i >= own.length) key.handedIn = { row: w.serial, valid };
    else key.own = { valid };
    if (w.revoked !== undefined) {
      key.revocation = { serial: w.row.revocation!.serial, valid: verdicts[w.revoked] === 1 };
    }
    keys.set(name, key);
  });
  return keys;
}

const stage = 2;

/**
 * DC-R3, and DC-R2 for the keys themselves.
 * @param used keys (hexadecimal) of the confirmations that are still open
 */
export function auditSigningKeys(run: PassRun, keys: SigningKeys, used: ReadonlySet<string>): void {
  for (const [name, { handedIn, own, revocation }] of keys) {
    if (handedIn !== undefined) {
      const place = { stage, serial: handedIn.row };
      const report = (check: string, text: string | undefined) => {
        const finding = text && rowInconsistency(check, "auditor_exchange_signkeys", handedIn.row, text);
        settle(run, `${check}:key:${name}`, place, finding || undefined);
      };
      report("DC-R2", handedIn.valid ? undefined : "master signature of the signing key is not valid");
      report(
        "DC-R3",
        !handedIn.valid || own?.valid === true
          ? undefined
          : own === undefined
          ? "the exchange's database does not have this signing key"
          : "the exchange's database has this signing key with an invalid master signature",
      );
    }
    if (revocation === undefined) continue;
    const text = !used.has(name)
      ? undefined
      : revocation.valid
      ? "open deposit confirmations were signed with this revoked key"
      : "revocation of a signing key without valid master signature";
    settle(
      run,
      `DC-R3:revoked:${name}`,
      { stage, serial: revocation.serial },
      text === undefined ? undefined : rowInconsistency("DC-R3", "signkey_revocations", revocation.serial, text),
    );
  }
}
