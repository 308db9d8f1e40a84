// SPDX-License-Identifier: AGPL-3.0-or-later
/** Several connections that see one and the same state of a database. */
import type { Sql } from "./connect.ts";

/** Read-only connections inside one exported snapshot. */
export interface Snapshot {
  /** All of them see the same state, whatever is written meanwhile. */
  connections: Sql[];
  /** Ends the transactions and the connections. */
  close(): Promise<void>;
}

/**
 * Opens a snapshot.
 *
 * @param open makes a connection of its own, limited to one at the server (`max: 1`)
 * @param count how many connections are to share the snapshot
 * @throws DatabaseError as `open` does
 */
export async function openSnapshot(open: () => Promise<Sql>, count: number): Promise<Snapshot> {
  const connections: Sql[] = [];
  const close = async () => {
    await Promise.allSettled(connections.map((sql) => sql.end({ timeout: 1 })));
  };
  try {
    const begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
    const first = await open();
    connections.push(first);
    await first.unsafe(begin);
    const rows = await first`SELECT pg_export_snapshot() AS id`;
    // the identifier is the server's own, hexadecimal digits and hyphens
    const id = (rows[0]!["id"] as string).replace(/[^0-9A-Fa-f-]/g, "");
    const more = Array.from({ length: count - 1 }, async () => {
      const sql = await open();
      connections.push(sql);
      await sql.unsafe(begin);
      await sql.unsafe(`SET TRANSACTION SNAPSHOT '${id}'`);
    });
    for (const result of await Promise.allSettled(more)) if (result.status === "rejected") throw result.reason;
    return { connections, close };
  } catch (error) {
    await close();
    throw error;
  }
}
