// SPDX-License-Identifier: AGPL-3.0-or-later
// deno-lint-ignore-file no-console -- its parent reads what it prints
/**
 * An audit in a process of its own, so that a test can kill it: `audit_process.ts URL DATASET`. Prints `started` before
 * the audit and `done` after it.
 */
import { auditWell } from "./audit.ts";
import { datasetInfo } from "./golden.ts";

if (import.meta.main) {
  const [url = "", dataset = ""] = Deno.args;
  console.log("started");
  await auditWell(url, datasetInfo(dataset));
  console.log("done");
  Deno.exit(0);
}
