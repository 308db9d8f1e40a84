// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Makes sure that a pass read everything from its snapshot. The client connects anew when a connection is lost while it
 * is idle, without a word; what it reads then is no part of the snapshot any more.
 */
import type { Sql } from "../db/connect.ts";

/** The connection to the source was lost on the way: the run is worth repeating (SQLSTATE 08006). */
class SnapshotLost extends Error {
  override name = "SnapshotLost";
  readonly code = "08006";
}

/** The server's process that serves a connection. */
export async function sessionOf(sql: Sql): Promise<number> {
  const [row] = await sql.unsafe("SELECT pg_backend_pid() AS pid");
  return row!["pid"] as number;
}

/**
 * @param session what {@link sessionOf} said when the pass began
 * @throws an error that is worth repeating the run for
 */
export async function requireSnapshot(sql: Sql, session: number, pass: string): Promise<void> {
  const [row] = await sql.unsafe(
    "SELECT pg_backend_pid() AS pid, current_setting('transaction_isolation') = 'repeatable read' AS snapshot",
  );
  if (row!["pid"] === session && row!["snapshot"] === true) return;
  throw new SnapshotLost(`pass ${pass} lost its connection to the exchange's database`);
}
