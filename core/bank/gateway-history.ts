// SPDX-License-Identifier: AGPL-3.0-or-later
/** The bank's history straight from the wire gateways: for an audit without a local store. */

import { type BankAnomaly, type BankCredit, type BankDebit, BankError, type BankHistory } from "./history.ts";
import type { Gateway, GatewayPage, PageQuery } from "./gateway.ts";

/**
 * A history that asks the gateways anew with every iteration. It has no memory of earlier runs, so that the only
 * anomaly it can tell is a row id that appears twice in one answer; the iteration then throws BankError `garbled`.
 *
 * @param gateways one client for each account
 */
export function openGatewayHistory(
  gateways: readonly Gateway[],
  { signal }: { signal?: AbortSignal } = {},
): BankHistory {
  const known = new Map(gateways.map((gateway) => [gateway.account, gateway]));
  const ownAccounts = new Map<string, string>();
  const anomalies: BankAnomaly[] = [];

  const gatewayOf = (account: string): Gateway => {
    const gateway = known.get(account);
    if (gateway === undefined) throw new BankError("configuration", account, "the account has no wire gateway");
    return gateway;
  };

  const ask = async <T>(account: string, page: () => Promise<GatewayPage<T>>): Promise<T[]> => {
    try {
      const { ownAccount, rows } = await page();
      if (ownAccount !== undefined) ownAccounts.set(account, ownAccount);
      return rows;
    } catch (error) {
      if (error instanceof BankError && error.anomaly !== undefined) anomalies.push(error.anomaly);
      throw error;
    }
  };

  async function* pages<T extends { rowId: bigint }>(
    account: string,
    after: bigint,
    read: (query: PageQuery) => Promise<GatewayPage<T>>,
  ): AsyncGenerator<T[]> {
    let offset = after;
    for (;;) {
      const rows = await ask(account, () => read({ offset, signal }));
      const last = rows.at(-1);
      // only an empty answer is the end: a bank may give shorter pages than it was asked for
      if (last === undefined) return;
      yield rows;
      offset = last.rowId;
    }
  }

  return {
    credits: (account, after) => pages<BankCredit>(account, after, (query) => gatewayOf(account).incoming(query)),
    debits: (account, after) => pages<BankDebit>(account, after, (query) => gatewayOf(account).outgoing(query)),
    accounts: () => Promise.resolve([...known.keys()]),
    ownAccount: async (account) => {
      const gateway = gatewayOf(account);
      for (const read of [gateway.incoming, gateway.outgoing]) {
        if (ownAccounts.has(account)) break;
        await ask<unknown>(account, () => read({ descending: true, limit: 1, signal }));
      }
      return ownAccounts.get(account);
    },
    anomalies: () => Promise.resolve(anomalies.map((anomaly) => ({ ...anomaly }))),
    close: () => Promise.resolve(),
  };
}
