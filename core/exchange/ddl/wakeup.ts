// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Statement triggers on a trusted copy that wake the passes of an audit (database.md 10.2 and 10.3).
 * A notification carries nothing but the fact that something was inserted.
 */

/** What wakes one group of passes. */
export interface WakeUp {
  /** Part of the names of function and triggers. */
  helper: string;
  /** Channel as a client has to listen to it: the server folds the unquoted name to lower case. */
  channel: string;
  /** Tables with a trigger, in the order of the triggers' numbers. */
  tables: readonly string[];
}

const words = (text: string): string[] => text.trim().split(/\s+/);

/** The six groups with their channels (events 1230 to 1235) and 70 triggers. */
export const WAKE_UPS: readonly WakeUp[] = [
  {
    helper: "aggregation",
    channel: "xwrpz889fpa6tmgj15jvtcmkefvjewcekf1tezhtdqhbysv49m31g",
    tables: words(`
      batch_deposits partners wire_targets reserves_open_deposits aggregation_tracking purse_requests
      refresh_revealed_coins reserves purse_deposits reserves_out recoup coin_history coin_deposits wire_out refunds
      refresh_commitments purse_decision known_coins recoup_refresh`),
  },
  {
    helper: "coins",
    channel: "x5v5r0ddfmxs0r3w058r3w4rpdvmk35yzcs0s5vzs583j0nr0pe2g",
    tables: words(`
      purse_merges batch_deposits partners denomination_revocations wire_targets auditors purse_requests
      refresh_revealed_coins reserves purse_deposits reserves_out recoup auditor_denom_sigs coin_deposits refunds
      refresh_commitments purse_decision known_coins recoup_refresh`),
  },
  {
    helper: "purses",
    channel: "x908g8pnpmjya59yggtjnd1tktbfng8c7trehg3x5sj9eqajy4z00",
    tables: words(`
      purse_merges account_merges purse_deposits global_fee purse_requests partners purse_decision known_coins`),
  },
  {
    helper: "deposits",
    channel: "xzd0fasmjd3xcy3z0cgxnjq8cmwscw80jn6796098n71cxph70tq0",
    tables: words(`wire_targets batch_deposits known_coins coin_deposits`),
  },
  {
    helper: "reserves",
    channel: "xmf69rjqb7en06kgsq02vfd3723ce86vxa5gre8h7xnns6bdyf0g0",
    tables: words(`
      wire_fee reserves reserves_close purse_merges wire_targets reserves_out recoup purse_requests
      reserves_open_requests denomination_revocations purse_decision known_coins reserves_in`),
  },
  {
    helper: "wire",
    channel: "x1ryysts139mbhvexj6czzty76mameef87srrwc8wm00hccw6d12g",
    tables: words(`
      reserves wire_targets aggregation_tracking wire_out reserves_close profit_drains reserves_in`),
  },
];

/**
 * Statements that (re)create functions and triggers; repeating them is harmless. The functions live in schema
 * exchange and not, as the reference's do, in schema public, where since PostgreSQL 15 only few may create anything.
 */
export const WAKE_UP_DDL = WAKE_UPS.map(({ helper, channel, tables }) =>
  `
CREATE OR REPLACE FUNCTION exchange.auditor_wake_${helper}_helper_trigger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  NOTIFY ${channel};
  RETURN NULL;
END $$;
` + tables.map((table, number) => `
CREATE OR REPLACE TRIGGER auditor_exchange_notify_helper_${helper}${number} AFTER INSERT ON exchange.${table}
  FOR EACH STATEMENT EXECUTE FUNCTION exchange.auditor_wake_${helper}_helper_trigger();`).join("")
).join("");
