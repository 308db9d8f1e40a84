// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The auditor's key under a passphrase: scrypt (RFC 7914), then AES-256-GCM with the header as authenticated data.
 *
 *     0   8  "TAUDKEY1"
 *     8   1  scrypt: binary logarithm of N
 *     9   1  scrypt: r
 *    10   1  scrypt: p
 *    11   1  zero
 *    12  16  salt
 *    28  12  nonce
 *    40  32  public key of the auditor
 *    72  32  encrypted private key
 *   104  16  authentication tag
 */

import { createCipheriv, createDecipheriv, scryptSync } from "node:crypto";
import { publicKeyOf } from "../crypto/ed25519.ts";
import { equalBytes, utf8Bytes } from "../crypto/hash.ts";

/** Bytes of a backup. */
export const BACKUP_SIZE = 120;

const MAGIC = utf8Bytes("TAUDKEY1");
const HEADER_SIZE = 72;
const SEED_SIZE = 32;
const TAG_SIZE = 16;
const AT = { parameters: 8, salt: 12, nonce: 28, publicKey: 40, tag: 104 } as const;

/** Cost of guessing a passphrase; memory is 128 * r * 2^logN bytes. */
export interface ScryptCost {
  readonly logN: number;
  readonly r: number;
  readonly p: number;
}

/** 128 MiB; a second on a small computer, and 128 MiB for each guess of an attacker. */
export const DEFAULT_COST: ScryptCost = { logN: 17, r: 8, p: 1 };

/** A header is read before anything is known about it: it may not cost more than this. */
const MEMORY_MAX = 2 ** 30;
const LOG_N = { min: 10, max: 22 } as const;

/** Shortest passphrase in characters: the backup lies where others may copy it. */
export const PASSPHRASE_MIN = 12;

/** Bytes of a passphrase: NFKC, so that every keyboard types the same, without line end. */
export function passphraseBytes(typed: Uint8Array): Uint8Array {
  let end = typed.length;
  while (end > 0 && (typed[end - 1] === 0x0a || typed[end - 1] === 0x0d)) end--;
  const bytes = typed.slice(0, end);
  // Text that needs no normalization never becomes a string, which could not be erased.
  if (bytes.every((byte) => byte < 0x80)) return bytes;
  const normal = utf8Bytes(new TextDecoder().decode(bytes).normalize("NFKC"));
  bytes.fill(0);
  return normal;
}

/** Number of characters of a passphrase. */
export function passphraseLength(passphrase: Uint8Array): number {
  return passphrase.reduce((count, byte) => count + ((byte & 0xc0) === 0x80 ? 0 : 1), 0);
}

/**
 * A backup, 120 bytes.
 *
 * @param seed private key, 32 bytes
 * @param random gives fresh random bytes
 * @throws RangeError if the seed has another length, the passphrase is empty or the cost outside the limits
 */
export function sealKey(
  seed: Uint8Array,
  passphrase: Uint8Array,
  random: (size: number) => Uint8Array,
  cost: ScryptCost = DEFAULT_COST,
): Uint8Array {
  if (seed.length !== SEED_SIZE) throw new RangeError("a private key has 32 bytes");
  if (passphrase.length === 0) throw new RangeError("an empty passphrase protects nothing");
  if (!isAffordable(cost)) throw new RangeError("scrypt parameters outside the limits");
  const backup = new Uint8Array(BACKUP_SIZE);
  backup.set(MAGIC);
  backup.set([cost.logN, cost.r, cost.p, 0], AT.parameters);
  backup.set(random(AT.nonce - AT.salt), AT.salt);
  backup.set(random(AT.publicKey - AT.nonce), AT.nonce);
  backup.set(publicKeyOf(seed), AT.publicKey);
  const key = deriveKey(passphrase, backup, cost);
  try {
    const cipher = createCipheriv("aes-256-gcm", key, backup.subarray(AT.nonce, AT.publicKey));
    cipher.setAAD(backup.subarray(0, HEADER_SIZE));
    backup.set(cipher.update(seed), HEADER_SIZE);
    cipher.final();
    backup.set(cipher.getAuthTag(), AT.tag);
  } finally {
    key.fill(0);
  }
  return backup;
}

/** The public key that a backup says it is of, 32 bytes; undefined if the bytes are no backup. Not authenticated. */
export function backupPublicKey(backup: Uint8Array): Uint8Array | undefined {
  return isBackup(backup) ? backup.slice(AT.publicKey, HEADER_SIZE) : undefined;
}

function isBackup(bytes: Uint8Array): boolean {
  return bytes.length === BACKUP_SIZE && equalBytes(bytes.subarray(0, MAGIC.length), MAGIC);
}

/**
 * The private key in a backup. The fault, worded to follow "the backup", does not tell a wrong passphrase from an
 * altered backup, since nobody can.
 */
export function openKey(
  backup: Uint8Array,
  passphrase: Uint8Array,
): { readonly seed: Uint8Array } | { readonly fault: string } {
  if (!isBackup(backup)) return { fault: `is none: it does not have ${BACKUP_SIZE} bytes that begin with TAUDKEY1` };
  const [logN = 0, r = 0, p = 0, zero] = backup.subarray(AT.parameters, AT.salt);
  const cost = { logN, r, p };
  if (zero !== 0 || !isAffordable(cost)) return { fault: "has parameters outside the limits" };
  const refused = { fault: "does not open: the passphrase is wrong, or the backup was altered" };
  const key = deriveKey(passphrase, backup, cost);
  const seed = new Uint8Array(SEED_SIZE);
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, backup.subarray(AT.nonce, AT.publicKey), {
      authTagLength: TAG_SIZE,
    });
    decipher.setAAD(backup.subarray(0, HEADER_SIZE));
    decipher.setAuthTag(backup.subarray(AT.tag));
    const plain = decipher.update(backup.subarray(HEADER_SIZE, AT.tag));
    seed.set(plain);
    plain.fill(0);
    decipher.final();
  } catch {
    // What was decrypted without authentication is nothing to anybody.
    seed.fill(0);
    return refused;
  } finally {
    key.fill(0);
  }
  if (equalBytes(publicKeyOf(seed), backup.subarray(AT.publicKey, HEADER_SIZE))) return { seed };
  seed.fill(0);
  return refused;
}

function isAffordable({ logN, r, p }: ScryptCost): boolean {
  if (![logN, r, p].every(Number.isInteger) || logN < LOG_N.min || logN > LOG_N.max || r < 1 || p < 1) return false;
  return p <= 16 && 128 * r * 2 ** logN <= MEMORY_MAX;
}

function deriveKey(passphrase: Uint8Array, backup: Uint8Array, { logN, r, p }: ScryptCost): Uint8Array {
  const salt = backup.subarray(AT.salt, AT.nonce);
  // The limit covers the working memory of OpenSSL's implementation, which is a little more than the formula.
  return scryptSync(passphrase, salt, 32, { N: 2 ** logN, r, p, maxmem: MEMORY_MAX + 2 ** 26 });
}
