// SPDX-License-Identifier: AGPL-3.0-or-later
/** Which exchange an auditor's database is about: what was found must never be shown as another one's. */
import type { Sql } from "../db/connect.ts";
import { encodeBase32 } from "../taler/base32.ts";
import type { AuditSettings } from "./pass.ts";

/** The configuration names another exchange than the one that was audited into this database. */
export class OtherExchange extends Error {
  override name = "OtherExchange";
}

/**
 * Remembers currency and master key at the first audit, and insists on them from then on; a restart forgets them.
 * @throws OtherExchange
 */
export async function requireSubject(sql: Sql, { currency, masterPub }: AuditSettings): Promise<void> {
  const [known] = await sql`SELECT currency, master_pub FROM auditor.auditor_x_subject`;
  if (known === undefined) {
    await sql`INSERT INTO auditor.auditor_x_subject (currency, master_pub) VALUES (${currency}, ${masterPub})`;
    return;
  }
  const key = encodeBase32(known["master_pub"] as Uint8Array);
  if (known["currency"] !== currency) {
    throw new OtherExchange(
      `this database is about an exchange in ${known["currency"]}, the configuration says ${currency}`,
    );
  }
  if (key !== encodeBase32(masterPub)) {
    throw new OtherExchange(
      `this database is about the exchange with master key ${key}, the configuration says ${encodeBase32(masterPub)}`,
    );
  }
}
