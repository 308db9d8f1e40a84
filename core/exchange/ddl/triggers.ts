// SPDX-License-Identifier: AGPL-3.0-or-later

/** A trigger function of the usual kind: it does `body` for the row at hand. */
function rowTrigger(name: string, event: "INSERT" | "DELETE", body: string): string {
  const table = name.replace(/_(insert|delete)_trigger$/, "");
  return `
CREATE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
${body}
  RETURN NULL;
END $$;
CREATE TRIGGER ${table}_on_${event.toLowerCase()} AFTER ${event} ON ${table}
  FOR EACH ROW EXECUTE FUNCTION ${name}();
`;
}

/** After an insert: one entry in the history of the reserve that `reserve` (an SQL expression) names. */
function reserveHistory(table: string, serial: string, reserve = "NEW.reserve_pub"): string {
  return rowTrigger(
    `${table}_insert_trigger`,
    "INSERT",
    `  INSERT INTO exchange.reserve_history (reserve_pub, table_name, serial_id)
  VALUES (${reserve}, '${table}', NEW.${serial});`,
  );
}

/** After an insert: one entry in the history of the row's coin. */
function coinHistory(table: string, serial: string, coin = "coin_pub"): string {
  return rowTrigger(
    `${table}_insert_trigger`,
    "INSERT",
    `  INSERT INTO exchange.coin_history (coin_pub, table_name, serial_id)
  VALUES (NEW.${coin}, '${table}', NEW.${serial});`,
  );
}

/**
 * The 17 row triggers that keep the histories and other derived tables in step (database.md 10.1).
 * Unlike an exchange's own they name the schema in full, so that they work whatever the session's search path is.
 */
export const TRIGGERS_DDL = [
  reserveHistory("reserves_in", "reserve_in_serial_id"),
  reserveHistory("reserves_close", "close_uuid"),
  reserveHistory(
    "reserves_out",
    "reserve_out_serial_id",
    "(SELECT r.reserve_pub FROM exchange.reserves r WHERE r.reserve_uuid = NEW.reserve_uuid)",
  ),
  reserveHistory("close_requests", "close_request_serial_id"),
  reserveHistory("reserves_open_requests", "open_request_uuid"),
  reserveHistory("history_requests", "history_request_serial_id"),
  coinHistory("coin_deposits", "coin_deposit_serial_id"),
  coinHistory("refunds", "refund_serial_id"),
  coinHistory("refresh_commitments", "melt_serial_id", "old_coin_pub"),
  coinHistory("purse_deposits", "purse_deposit_serial_id"),
  coinHistory("reserves_open_deposits", "reserve_open_deposit_uuid"),
  rowTrigger(
    "recoup_insert_trigger",
    "INSERT",
    `  INSERT INTO exchange.recoup_by_reserve (reserve_out_serial_id, coin_pub)
  VALUES (NEW.reserve_out_serial_id, NEW.coin_pub);
  INSERT INTO exchange.coin_history (coin_pub, table_name, serial_id)
  VALUES (NEW.coin_pub, 'recoup', NEW.recoup_uuid);
  INSERT INTO exchange.reserve_history (reserve_pub, table_name, serial_id)
  SELECT r.reserve_pub, 'recoup', NEW.recoup_uuid
    FROM exchange.reserves_out w JOIN exchange.reserves r USING (reserve_uuid)
   WHERE w.reserve_out_serial_id = NEW.reserve_out_serial_id;`,
  ),
  rowTrigger(
    "recoup_delete_trigger",
    "DELETE",
    `  DELETE FROM exchange.recoup_by_reserve
   WHERE reserve_out_serial_id = OLD.reserve_out_serial_id AND coin_pub = OLD.coin_pub;`,
  ),
  rowTrigger(
    "recoup_refresh_insert_trigger",
    "INSERT",
    `  INSERT INTO exchange.coin_history (coin_pub, table_name, serial_id)
  VALUES (NEW.coin_pub, 'recoup_refresh::NEW', NEW.recoup_refresh_uuid);
  INSERT INTO exchange.coin_history (coin_pub, table_name, serial_id)
  SELECT m.old_coin_pub, 'recoup_refresh::OLD', NEW.recoup_refresh_uuid
    FROM exchange.refresh_revealed_coins f JOIN exchange.refresh_commitments m USING (melt_serial_id)
   WHERE f.rrc_serial = NEW.rrc_serial;`,
  ),
  rowTrigger(
    "purse_requests_insert_trigger",
    "INSERT",
    `  INSERT INTO exchange.purse_actions (purse_pub, action_date)
  VALUES (NEW.purse_pub, NEW.purse_expiration);`,
  ),
  rowTrigger(
    "purse_decision_insert_trigger",
    "INSERT",
    `  UPDATE exchange.purse_requests SET was_decided = true WHERE purse_pub = NEW.purse_pub;
  IF NEW.refunded THEN
    INSERT INTO exchange.coin_history (coin_pub, table_name, serial_id)
    SELECT d.coin_pub, 'purse_decision', NEW.purse_decision_serial_id
      FROM exchange.purse_deposits d WHERE d.purse_pub = NEW.purse_pub;
  ELSE
    INSERT INTO exchange.reserve_history (reserve_pub, table_name, serial_id)
    SELECT m.reserve_pub, 'purse_decision', NEW.purse_decision_serial_id
      FROM exchange.purse_merges m WHERE m.purse_pub = NEW.purse_pub AND m.partner_serial_id IS NULL;
  END IF;`,
  ),
  rowTrigger(
    "wire_out_delete_trigger",
    "DELETE",
    `  DELETE FROM exchange.aggregation_tracking WHERE wtid_raw = OLD.wtid_raw;`,
  ),
].join("");
