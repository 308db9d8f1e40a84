// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * Our own tables of the passes purses and deposits.
 * Unqualified names: the statements run with the schema as the only entry of the search path.
 */
export const AUDITOR_X_PURSES_DDL = `
CREATE TABLE auditor_x_purse_rejected (
  source text NOT NULL,
  serial int8 NOT NULL,
  PRIMARY KEY (source, serial)
);
COMMENT ON TABLE auditor_x_purse_rejected IS 'Rows on purses that do not count because their signature is not valid; source is the table of the exchange.';

CREATE TABLE auditor_x_confirmation (
  row_id int8 PRIMARY KEY,
  check_id text NOT NULL,
  state text NOT NULL CHECK (state IN ('missed', 'pending', 'invalid')),
  diagnostic text NOT NULL
);
COMMENT ON TABLE auditor_x_confirmation IS 'Why a row of auditor_deposit_confirmations is still there; only missed ones count.';

CREATE TABLE auditor_x_confirmation_archive (
  row_id int8 NOT NULL,
  h_contract_terms bytea NOT NULL CHECK (length(h_contract_terms) = 64),
  h_policy bytea NOT NULL CHECK (length(h_policy) = 64),
  h_wire bytea NOT NULL CHECK (length(h_wire) = 64),
  exchange_timestamp int8 NOT NULL,
  refund_deadline int8 NOT NULL,
  wire_deadline int8 NOT NULL,
  total_without_fee taler_amount NOT NULL,
  coin_pubs bytea[] NOT NULL,
  coin_sigs bytea[] NOT NULL,
  merchant_pub bytea NOT NULL CHECK (length(merchant_pub) = 32),
  exchange_sig bytea NOT NULL CHECK (length(exchange_sig) = 64),
  exchange_pub bytea NOT NULL CHECK (length(exchange_pub) = 32),
  master_sig bytea NOT NULL CHECK (length(master_sig) = 64),
  suppressed bool NOT NULL,
  ancient bool NOT NULL,
  legal_until int8 NOT NULL,
  PRIMARY KEY (h_contract_terms, h_wire, merchant_pub, exchange_sig, exchange_pub),
  UNIQUE (row_id)
);
COMMENT ON TABLE auditor_x_confirmation_archive IS 'Deposit confirmations whose deposits were found: kept as evidence, and looked at again when deposits vanish before legal_until (microseconds), from when on the exchange may delete them.';
`;
