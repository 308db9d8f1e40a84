// SPDX-License-Identifier: AGPL-3.0-or-later
/** What an auditor has to know to audit a simulated exchange, as a configuration file. */

import { encodeBase32 } from "../taler/base32.ts";
import { formatAmount } from "../taler/amount.ts";
import { SECOND } from "../taler/time.ts";
import { ACCOUNT_SECTION, exchangePayto } from "./accounts.ts";
import type { Simulation } from "./simulation.ts";

const LEGAL_YEARS = 7n;

/**
 * The text of the file.
 *
 * @param databases connection strings of the exchange's and of the auditor's database
 */
export function configurationText(
  { options, keys }: Pick<Simulation, "options" | "keys">,
  databases: { readonly exchange: string; readonly auditor: string },
): string {
  return `# A simulated exchange: everything in it is made up, and its keys protect nothing.
[exchange]
CURRENCY = ${options.currency}
CURRENCY_ROUND_UNIT = ${formatAmount(options.currency, options.roundUnit)}
BASE_URL = ${options.exchangeBaseUrl}
MASTER_PUBLIC_KEY = ${encodeBase32(keys.master.pub)}
DB = postgres

[exchangedb]
IDLE_RESERVE_EXPIRATION_TIME = ${options.idleReserveExpiration / SECOND} s
LEGAL_RESERVE_EXPIRATION_TIME = ${LEGAL_YEARS} years

[exchangedb-postgres]
CONFIG = ${databases.exchange}

[auditor]
DB = postgres
BASE_URL = ${options.auditorBaseUrl}
PUBLIC_KEY = ${encodeBase32(keys.auditor.pub)}
TINY_AMOUNT = ${formatAmount(options.currency, options.roundUnit)}

[auditordb-postgres]
CONFIG = ${databases.auditor}

[${ACCOUNT_SECTION}]
PAYTO_URI = "${exchangePayto(options.seed)}"
`;
}
