// SPDX-License-Identifier: AGPL-3.0-or-later

/**
 * Foreign keys of an unpartitioned database, created after all tables because some point forward.
 * Each is checked at once and does nothing on update (exchange-keys.tsv).
 */
export const FOREIGN_KEYS_DDL = `
ALTER TABLE denomination_revocations
  ADD CONSTRAINT denomination_revocations_denominations_serial_fkey FOREIGN KEY (denominations_serial)
    REFERENCES denominations (denominations_serial) ON DELETE CASCADE;
ALTER TABLE signkey_revocations
  ADD CONSTRAINT signkey_revocations_esk_serial_fkey FOREIGN KEY (esk_serial)
    REFERENCES exchange_sign_keys (esk_serial) ON DELETE CASCADE;
ALTER TABLE auditor_denom_sigs
  ADD CONSTRAINT auditor_denom_sigs_auditor_uuid_fkey FOREIGN KEY (auditor_uuid)
    REFERENCES auditors (auditor_uuid) ON DELETE CASCADE;
ALTER TABLE auditor_denom_sigs
  ADD CONSTRAINT auditor_denom_sigs_denominations_serial_fkey FOREIGN KEY (denominations_serial)
    REFERENCES denominations (denominations_serial) ON DELETE CASCADE;
ALTER TABLE partner_accounts
  ADD CONSTRAINT partner_accounts_partner_serial_id_fkey FOREIGN KEY (partner_serial_id)
    REFERENCES partners (partner_serial_id) ON DELETE CASCADE;
ALTER TABLE reserves_in
  ADD CONSTRAINT reserves_in_foreign_reserve_pub FOREIGN KEY (reserve_pub)
    REFERENCES reserves (reserve_pub) ON DELETE CASCADE;
ALTER TABLE reserves_in
  ADD CONSTRAINT reserves_in_wire_target_h_payto_foreign FOREIGN KEY (wire_source_h_payto)
    REFERENCES wire_targets (wire_target_h_payto) ON DELETE RESTRICT;
ALTER TABLE reserves_out
  ADD CONSTRAINT reserves_out_foreign_denom FOREIGN KEY (denominations_serial)
    REFERENCES denominations (denominations_serial);
ALTER TABLE reserves_out
  ADD CONSTRAINT reserves_out_foreign_reserve FOREIGN KEY (reserve_uuid)
    REFERENCES reserves (reserve_uuid) ON DELETE CASCADE;
ALTER TABLE age_withdraw
  ADD CONSTRAINT age_withdraw_foreign_reserve_pub FOREIGN KEY (reserve_pub)
    REFERENCES reserves (reserve_pub) ON DELETE CASCADE;
ALTER TABLE reserves_open_requests
  ADD CONSTRAINT reserves_open_requests_foreign_reserve_pub FOREIGN KEY (reserve_pub)
    REFERENCES reserves (reserve_pub) ON DELETE CASCADE;
ALTER TABLE close_requests
  ADD CONSTRAINT close_requests_foreign_reserve_pub FOREIGN KEY (reserve_pub)
    REFERENCES reserves (reserve_pub) ON DELETE CASCADE;
ALTER TABLE reserves_close
  ADD CONSTRAINT reserves_close_foreign_reserve_pub FOREIGN KEY (reserve_pub)
    REFERENCES reserves (reserve_pub) ON DELETE CASCADE;
ALTER TABLE history_requests
  ADD CONSTRAINT history_requests_foreign_reserve_pub FOREIGN KEY (reserve_pub)
    REFERENCES reserves (reserve_pub) ON DELETE CASCADE;
ALTER TABLE reserve_history
  ADD CONSTRAINT reserve_history_foreign_reserve_pub FOREIGN KEY (reserve_pub)
    REFERENCES reserves (reserve_pub) ON DELETE CASCADE;
ALTER TABLE known_coins
  ADD CONSTRAINT known_coins_foreign_denominations FOREIGN KEY (denominations_serial)
    REFERENCES denominations (denominations_serial) ON DELETE CASCADE;
ALTER TABLE policy_details
  ADD CONSTRAINT policy_details_foreign_policy_fulfillments FOREIGN KEY (h_fulfillment_proof)
    REFERENCES policy_fulfillments (h_fulfillment_proof) ON DELETE RESTRICT;
ALTER TABLE batch_deposits
  ADD CONSTRAINT batch_deposits_foreign_policy_details FOREIGN KEY (policy_details_serial_id)
    REFERENCES policy_details (policy_details_serial_id) ON DELETE RESTRICT;
ALTER TABLE coin_deposits
  ADD CONSTRAINT coin_deposits_foreign_batch_deposits_id FOREIGN KEY (batch_deposit_serial_id)
    REFERENCES batch_deposits (batch_deposit_serial_id) ON DELETE CASCADE;
ALTER TABLE coin_deposits
  ADD CONSTRAINT coin_deposits_foreign_coin_pub FOREIGN KEY (coin_pub)
    REFERENCES known_coins (coin_pub) ON DELETE CASCADE;
ALTER TABLE refunds
  ADD CONSTRAINT refunds_foreign_coin_pub FOREIGN KEY (coin_pub)
    REFERENCES known_coins (coin_pub) ON DELETE CASCADE;
ALTER TABLE refunds
  ADD CONSTRAINT refunds_foreign_deposit FOREIGN KEY (batch_deposit_serial_id)
    REFERENCES batch_deposits (batch_deposit_serial_id) ON DELETE CASCADE;
ALTER TABLE refresh_commitments
  ADD CONSTRAINT refresh_commitments_foreign_coin_pub FOREIGN KEY (old_coin_pub)
    REFERENCES known_coins (coin_pub) ON DELETE CASCADE;
ALTER TABLE refresh_transfer_keys
  ADD CONSTRAINT refresh_transfer_keysforeign_melt_serial_id FOREIGN KEY (melt_serial_id)
    REFERENCES refresh_commitments (melt_serial_id) ON DELETE CASCADE;
ALTER TABLE refresh_revealed_coins
  ADD CONSTRAINT refresh_revealed_coins_foreign_denom FOREIGN KEY (denominations_serial)
    REFERENCES denominations (denominations_serial) ON DELETE CASCADE;
ALTER TABLE refresh_revealed_coins
  ADD CONSTRAINT refresh_revealed_coins_foreign_melt FOREIGN KEY (melt_serial_id)
    REFERENCES refresh_commitments (melt_serial_id) ON DELETE CASCADE;
ALTER TABLE recoup
  ADD CONSTRAINT recoup_foreign_coin_pub FOREIGN KEY (coin_pub)
    REFERENCES known_coins (coin_pub);
ALTER TABLE recoup
  ADD CONSTRAINT recoup_foreign_reserves_out FOREIGN KEY (reserve_out_serial_id)
    REFERENCES reserves_out (reserve_out_serial_id) ON DELETE CASCADE;
ALTER TABLE recoup_refresh
  ADD CONSTRAINT recoup_refresh_foreign_coin_pub FOREIGN KEY (coin_pub)
    REFERENCES known_coins (coin_pub);
ALTER TABLE recoup_refresh
  ADD CONSTRAINT recoup_refresh_foreign_known_coin_id FOREIGN KEY (known_coin_id)
    REFERENCES known_coins (known_coin_id) ON DELETE CASCADE;
ALTER TABLE recoup_refresh
  ADD CONSTRAINT recoup_refresh_foreign_rrc_serial FOREIGN KEY (rrc_serial)
    REFERENCES refresh_revealed_coins (rrc_serial) ON DELETE CASCADE;
ALTER TABLE coin_history
  ADD CONSTRAINT coin_history_foreign_coin_pub FOREIGN KEY (coin_pub)
    REFERENCES known_coins (coin_pub) ON DELETE CASCADE;
ALTER TABLE aggregation_tracking
  ADD CONSTRAINT aggregation_tracking_foreign_deposit FOREIGN KEY (batch_deposit_serial_id)
    REFERENCES batch_deposits (batch_deposit_serial_id) ON DELETE CASCADE;
ALTER TABLE purse_deposits
  ADD CONSTRAINT purse_deposits_foreign_coin_pub FOREIGN KEY (coin_pub)
    REFERENCES known_coins (coin_pub) ON DELETE CASCADE;
ALTER TABLE purse_deposits
  ADD CONSTRAINT purse_deposits_foreign_partner FOREIGN KEY (partner_serial_id)
    REFERENCES partners (partner_serial_id) ON DELETE CASCADE;
ALTER TABLE purse_merges
  ADD CONSTRAINT purse_merges_foreign_partner_serial_id FOREIGN KEY (partner_serial_id)
    REFERENCES partners (partner_serial_id) ON DELETE CASCADE;
ALTER TABLE purse_merges
  ADD CONSTRAINT purse_merges_foreign_purse_pub FOREIGN KEY (purse_pub)
    REFERENCES purse_requests (purse_pub) ON DELETE CASCADE;
ALTER TABLE account_merges
  ADD CONSTRAINT account_merges_foreign_purse_pub FOREIGN KEY (purse_pub)
    REFERENCES purse_requests (purse_pub);
ALTER TABLE account_merges
  ADD CONSTRAINT account_merges_foreign_reserve_pub FOREIGN KEY (reserve_pub)
    REFERENCES reserves (reserve_pub) ON DELETE CASCADE;
ALTER TABLE wad_in_entries
  ADD CONSTRAINT wad_in_entries_foreign_wad_in FOREIGN KEY (wad_in_serial_id)
    REFERENCES wads_in (wad_in_serial_id) ON DELETE CASCADE;
ALTER TABLE wads_out
  ADD CONSTRAINT wads_out_foreign_partner FOREIGN KEY (partner_serial_id)
    REFERENCES partners (partner_serial_id) ON DELETE CASCADE;
ALTER TABLE wad_out_entries
  ADD CONSTRAINT wad_out_entries_foreign_wad_out FOREIGN KEY (wad_out_serial_id)
    REFERENCES wads_out (wad_out_serial_id) ON DELETE CASCADE;
ALTER TABLE aml_history
  ADD CONSTRAINT aml_history_legitimization_outcome FOREIGN KEY (outcome_serial_id)
    REFERENCES legitimization_outcomes (outcome_serial_id);
ALTER TABLE legitimization_measures
  ADD CONSTRAINT legitimization_measures_foreign_key_access_token FOREIGN KEY (access_token)
    REFERENCES wire_targets (access_token) ON DELETE CASCADE;
ALTER TABLE legitimization_processes
  ADD CONSTRAINT legitimization_processes_foreign_key_legitimization_measure
    FOREIGN KEY (legitimization_measure_serial_id)
    REFERENCES legitimization_measures (legitimization_measure_serial_id);
ALTER TABLE kyc_attributes
  ADD CONSTRAINT kyc_attributes_foreign_legitimization_processes FOREIGN KEY (legitimization_serial)
    REFERENCES legitimization_processes (legitimization_process_serial_id);
`;
