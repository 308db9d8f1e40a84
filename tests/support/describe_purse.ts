// SPDX-License-Identifier: AGPL-3.0-or-later
/** Findings of the purses pass as the verdicts of scenario tables. */
import type { Finding } from "../../core/audit/findings.ts";
import { timeFromDb } from "../../core/taler/time.ts";
import { describeFinding, inDays, type Names } from "./describe.ts";
import { plainAmount } from "./scenario.ts";

/** A finding as a verdict; a fee that cannot be known names the time in place of a row, which is left out. */
export function describePurseFinding(f: Finding, names: Names): string {
  if (f.table !== "purse_not_closed_inconsistencies") {
    const text = describeFinding(f, names);
    return f.check === "PU-10" ? text.replace(/#\d+/, "") : text;
  }
  const { val, frac } = f.columns["amount"] as { val: string; frac: number };
  const amount = plainAmount(BigInt(val) * 100_000_000n + BigInt(frac));
  const expiration = inDays(timeFromDb(BigInt(String(f.columns["expiration_date"]))));
  return `${f.check} ${names.of(f.columns["purse_pub"])} holds ${amount} since ${expiration}`;
}
