// SPDX-License-Identifier: AGPL-3.0-or-later
/** Where an audit reads the bank's history: the local store, or the wire gateways. */

import { openGateway } from "../core/bank/gateway.ts";
import { openGatewayHistory } from "../core/bank/gateway-history.ts";
import type { BankHistory } from "../core/bank/history.ts";
import { connectBankStore, requireBankSchema } from "../core/bank/schema.ts";
import { openStoreHistory } from "../core/bank/store-history.ts";
import { readGatewayAccounts } from "../core/config/accounts.ts";
import { bankStoreOptions } from "../core/config/bank-store.ts";
import type { Configuration } from "../core/config/configuration.ts";
import { ConfigurationError } from "../core/config/problem.ts";
import { DatabaseError } from "../core/db/connect.ts";
import { SchemaRefused } from "../core/db/generation.ts";

/** `store` is what `bank import` keeps, `gateway` asks the bank anew. */
export const BANK_SOURCES = ["store", "gateway"] as const;

/** Where the history is read. */
export type BankSource = typeof BANK_SOURCES[number];

/** Opens the history for one pass. */
export type OpenBank = () => Promise<BankHistory>;

/**
 * The way to the history. Nothing is opened yet.
 * @throws ConfigurationError if no gateway is configured, or the store's section is unusable
 */
export function bankOpener(config: Configuration, source: BankSource): OpenBank {
  if (source === "store") return () => openStore(config);
  const { accounts } = readGatewayAccounts(config);
  if (accounts.length === 0) {
    const message = "no enabled bank account with usable credentials, needed to ask the bank's wire gateway";
    throw new ConfigurationError([{ section: "exchange-account-*", message }]);
  }
  return () => Promise.resolve(openGatewayHistory(accounts.map((account) => openGateway(account))));
}

async function openStore(config: Configuration): Promise<BankHistory> {
  const sql = await connectBankStore(config, bankStoreOptions(config), {
    applicationName: `taler-auditor audit (process ${Deno.pid})`,
    readOnly: true,
  });
  try {
    await requireBankSchema(sql);
  } catch (error) {
    await sql.end({ timeout: 1 });
    throw error;
  }
  return openStoreHistory(sql);
}

/**
 * Why an audit that was not told to compare with the bank has to do without: nobody has set up the local store. What is
 * set up and out of order is no such reason: the passes then fail, and say why.
 */
export async function whyNoBank(config: Configuration, open: OpenBank): Promise<string | undefined> {
  if (bankStoreOptions(config).entry !== undefined) return undefined;
  try {
    await (await open()).close();
    return undefined;
  } catch (error) {
    if (error instanceof DatabaseError || error instanceof SchemaRefused) return error.message;
    throw error;
  }
}
