// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The offline role on an ARM processor, as of the small computers that such keys are kept on: an emulated one
 * (qemu-user), with the Deno that npm has for it. Skipped unless TALER_AUDITOR_ARM_DENO names that program and Debian's
 * packages qemu-user, libc6-arm64-cross and libgcc-s1-arm64-cross are there.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { verifyBlock } from "../../core/crypto/blocks.ts";
import { hashText } from "../../core/crypto/objects.ts";
import { parseAmount } from "../../core/taler/amount.ts";
import { decodeBase32 } from "../../core/taler/base32.ts";
import { withConfiguration } from "../support/offline-call.ts";
import {
  AUDITOR_URL,
  type DenominationPlan,
  type Json,
  keysJson,
  MASTER_PUB,
  planHash,
  week,
} from "../support/offline-keys.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const EMULATOR = "/usr/bin/qemu-aarch64";
const LIBRARIES = "/usr/aarch64-linux-gnu";
const arm = Deno.env.get("TALER_AUDITOR_ARM_DENO");
const missing = [arm ?? "TALER_AUDITOR_ARM_DENO", EMULATOR, LIBRARIES].filter((path) => !exists(path));
if (missing.length > 0) {
  Deno.stdout.writeSync(new TextEncoder().encode(`ARM test skipped: not here: ${missing.join(", ")}\n`));
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Runs the program on the emulated processor, without the right to use the network. */
async function onArm(folder: string, args: string[], stdin = ""): Promise<{ stdout: string; seconds: number }> {
  const rights = [`--allow-read=${folder}`, `--allow-write=${folder}`, "--allow-env"];
  const started = performance.now();
  const child = new Deno.Command(EMULATOR, {
    args: [arm!, "run", "--no-prompt", "--no-check", "--cached-only", ...rights, "main.ts", "offline", ...args],
    cwd: ROOT,
    env: { QEMU_LD_PREFIX: LIBRARIES, NO_COLOR: "1" },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(stdin)).catch(() => {});
  await writer.close().catch(() => {});
  const { code, stdout, stderr } = await child.output();
  assert.equal(code, 0, `${args[0]}: ${new TextDecoder().decode(stderr)}`);
  return { stdout: new TextDecoder().decode(stdout), seconds: (performance.now() - started) / 1000 };
}

const COUNT = Number(Deno.env.get("TALER_AUDITOR_ARM_DENOMINATIONS") ?? 60);

/** Denominations of 20 values in successive weeks, one value of them with RSA keys. */
function denominations(): DenominationPlan[] {
  return Array.from({ length: COUNT }, (_, i) => {
    const value = `${2 ** (i % 20) / 100}`;
    const rsa: Partial<DenominationPlan> = i % 20 === 10 ? { cipher: "RSA", bits: 1024 } : {};
    return week(Math.floor(i / 20), { value, ...rsa });
  });
}

function verifyAll(document: Json[], auditorPub: Uint8Array, plans: readonly DenominationPlan[]): void {
  const byHash = new Map(plans.map((plan) => [planHash(plan).toHex(), plan]));
  assert.equal(document.length, plans.length);
  for (const { arguments: { h_denom_pub, auditor_sig } } of document) {
    const hDenomination = decodeBase32(h_denom_pub, 64)!;
    const plan = byHash.get(hDenomination.toHex())!;
    const atoms = (text: string) => parseAmount(`KUDOS:${text}`)!.atoms;
    const [feeWithdraw, feeDeposit, feeRefresh, feeRefund] = plan.fees.map(atoms) as [bigint, bigint, bigint, bigint];
    const fields = {
      hAuditorUrl: hashText(AUDITOR_URL),
      masterPub: MASTER_PUB,
      start: plan.start,
      expireWithdraw: plan.expireWithdraw,
      expireDeposit: plan.expireDeposit,
      expireLegal: plan.expireLegal,
      value: atoms(plan.value),
      feeWithdraw,
      feeDeposit,
      feeRefresh,
      feeRefund,
      hDenomination,
    };
    assert.ok(verifyBlock("auditorDenomination", "KUDOS", auditorPub, decodeBase32(auditor_sig, 64)!, fields));
  }
}

Deno.test({ name: "the offline role on an ARM processor", ignore: missing.length > 0 }, async () => {
  const plans = denominations();
  const document = JSON.stringify({
    operation: "auditor-keys-0",
    arguments: keysJson({ denominations: plans }),
  });
  await withConfiguration({}, async ({ folder, conf, keyFile }) => {
    const common = ["-c", conf, "--now", "2026-11-22"];
    const setup = await onArm(folder, ["setup", ...common]);
    const auditorPub = decodeBase32(setup.stdout.trim(), 32)!;
    const key = await Deno.readFile(keyFile);
    assert.equal((await Deno.stat(keyFile)).mode! & 0o777, 0o400);

    const show = await onArm(folder, ["show", ...common], document);
    const words = /^ {4}([0-9a-f]{4}(?: [0-9a-f]{4}){5})$/m.exec(show.stdout)?.[1] ?? "";
    const sign = await onArm(folder, ["sign", "--fingerprint", words, ...common], document);
    verifyAll(JSON.parse(sign.stdout), auditorPub, plans);

    const [backup, passphrase] = [join(folder, "backup"), join(folder, "passphrase")];
    await Deno.writeTextFile(passphrase, "correct horse battery staple, twice over\n");
    const sealed = await onArm(folder, ["backup", "-o", backup, "--passphrase-file", passphrase, ...common]);
    await Deno.remove(keyFile);
    const restored = await onArm(folder, ["restore", backup, "--passphrase-file", passphrase, ...common]);
    assert.deepEqual(await Deno.readFile(keyFile), key);

    const times = { setup, show, sign, backup: sealed, restore: restored };
    const text = Object.entries(times).map(([step, { seconds }]) => `${step} ${seconds.toFixed(1)} s`).join(", ");
    Deno.stdout.writeSync(new TextEncoder().encode(`emulated ARM, ${COUNT} denominations: ${text}\n`));
  });
});
