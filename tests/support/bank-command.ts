// SPDX-License-Identifier: AGPL-3.0-or-later
/** `taler-auditor bank` called in this process, with two banks to ask. */

import assert from "node:assert/strict";
import { command } from "../../cmd/bank.ts";
import type { Sql } from "../../core/db/connect.ts";
import { type BankServer, madeUpHistory, OWN_ACCOUNT, startBankServer } from "./bank-server.ts";
import { withDatabase } from "./server.ts";
import { callCommand, type Outcome } from "./call.ts";

/** Runs the command in this process and takes what it prints. */
export function call(...args: string[]): Promise<Outcome> {
  return callCommand(command, ...args);
}

/** Two banks, a store and a configuration. */
export interface Scene {
  sql: Sql;
  folder: string;
  /** Configuration with accounts 1 and 2, each with a bank. */
  file: string;
  banks: [BankServer, BankServer];
}

const accountText = (name: string, url: string, payto: string, more = "") => `
[exchange-account-${name}]
PAYTO_URI = ${payto}
ENABLE_CREDIT = YES
ENABLE_DEBIT = YES
${more}
[exchange-accountcredentials-${name}]
WIRE_GATEWAY_URL = ${url}
WIRE_GATEWAY_AUTH_METHOD = bearer
TOKEN = hush
`;

/** Runs `body` with a fresh scene. */
export async function withScene(body: (scene: Scene) => Promise<void>): Promise<void> {
  await withDatabase(async (sql, { url }) => {
    const folder = await Deno.makeTempDir();
    const banks: [BankServer, BankServer] = [
      startBankServer({ data: madeUpHistory(30, 12) }),
      startBankServer({ data: { ...madeUpHistory(2, 0), own: OWN_ACCOUNT.replace("/exchange?", "/second?") } }),
    ];
    const file = `${folder}/auditor.conf`;
    await Deno.writeTextFile(
      file,
      `[exchange]\nCURRENCY = EUR\n[bankdb-postgres]\nCONFIG = ${url}\n` +
        accountText("1", banks[0].url, OWN_ACCOUNT) + accountText("2", banks[1].url, banks[1].data.own),
    );
    try {
      await body({ sql, folder, file, banks });
    } finally {
      await Promise.all(banks.map((bank) => bank.close()));
      await Deno.remove(folder, { recursive: true });
    }
  });
}

/** Transfers in the store; row ids must not repeat. */
export const countRows = async (sql: Sql) => {
  const [row] = await sql`select count(*) as rows, count(distinct (account, direction, row_id)) as different
                            from auditor_bank.bank_transaction`;
  assert.equal(row?.["rows"], row?.["different"]);
  return Number(row?.["rows"]);
};
