// SPDX-License-Identifier: AGPL-3.0-or-later
/** Generations of the schemas: what is accepted, what is accepted with a warning, what is refused and why. */

import assert from "node:assert/strict";
import { detectAuditorSchema, requireAuditorSchema } from "../../core/db/auditor-detect.ts";
import { columnsOfDdl, readColumns } from "../../core/db/catalogue.ts";
import type { Sql } from "../../core/db/connect.ts";
import { SchemaRefused } from "../../core/db/generation.ts";
import { detectExchangeSchema, requireExchangeSchema } from "../../core/exchange/detect.ts";
import { createExchangeSchema, EXCHANGE_DDL } from "../../core/exchange/schema.ts";
import { emptyDatabase } from "../support/golden.ts";
import { sharedServer, withDatabase } from "../support/server.ts";

const PARTITIONED = `
  create table exchange.parted (like exchange.known_coins including identity including defaults)
    partition by hash (coin_pub);
  drop table exchange.known_coins cascade;
  alter table exchange.parted rename to known_coins;
  create table exchange.known_coins_1 partition of exchange.known_coins for values with (modulus 1, remainder 0);`;

/** One line: what is done to a fresh database, and what is then said about schema exchange. */
const CASES: { name: string; change: string; refused?: RegExp; advice?: RegExp; warnings?: RegExp[] }[] = [
  { name: "as created", change: "", warnings: [] },
  {
    name: "no registry",
    change: "drop schema _v cascade",
    warnings: [/^no patch is registered: .* only the columns were checked$/],
  },
  { name: "registry of others", change: "truncate _v.patches", warnings: [/^no patch is registered/] },
  {
    name: "squashed patches, same columns",
    change: "delete from _v.patches where patch_name > 'exchange-0002'",
    warnings: [/patches exchange-0001 to exchange-0002/],
  },
  {
    name: "a patch that adds statistics",
    change: "select _v.register_patch('exchange-0008'); create table exchange.exchange_statistic_meta (n int)",
    warnings: [/exchange-0001 to exchange-0008/, /^unknown tables are not audited: exchange_statistic_meta$/],
  },
  {
    name: "a table of the operator's",
    change: "create table exchange.notes (n int)",
    warnings: [/^unknown tables are not audited: notes$/],
  },
  {
    name: "a patch that adds another table",
    change: "select _v.register_patch('exchange-0008'); create table exchange.money (n int)",
    refused: /^patches of another release \(patches exchange-0001 to exchange-0008\) and unknown money$/,
  },
  {
    name: "a patch that adds a column",
    change: "select _v.register_patch('exchange-0008'); alter table exchange.recoup add more int",
    refused: /and unknown recoup\.more$/,
  },
  {
    name: "successor tables",
    change: "create table exchange.withdraw (n int); create table exchange.refresh (n int)",
    refused: /^table withdraw and table refresh, which only a release newer than 0\.14\.1 has/,
    advice: /use a release of taler-auditor/,
  },
  {
    name: "0.14.0",
    change: `delete from _v.patches where patch_name = 'exchange-0007';
      alter table exchange.wire_targets drop h_normalized_payto, drop aml_program_lock_timeout;
      alter table exchange.batch_deposits drop merchant_sig`,
    refused: /^column wire_targets\.h_normalized_payto is missing, .*batch_deposits\.merchant_sig is missing/,
    advice: /looks like release 0\.14\.0: upgrade it with taler-exchange-dbinit of release 0\.14\.1/,
  },
  {
    name: "0.13",
    change: `delete from _v.patches where patch_name > 'exchange-0005';
      alter table exchange.batch_deposits drop merchant_sig`,
    refused: /merchant_sig is missing/,
    advice: /release 0\.13\.0/,
  },
  {
    name: "0.9.2",
    change: "alter table exchange.denominations drop coin, add coin_val int8, add coin_frac int4",
    refused: /column denominations\.coin is missing/,
    advice: /release 0\.9\.0 to 0\.9\.2/,
  },
  {
    name: "another type",
    change: "alter table exchange.refunds alter rtransaction_id type text",
    refused: /^column refunds\.rtransaction_id is text instead of int8 \(patches exchange-0001 to exchange-0007\)$/,
    advice: /no known release/,
  },
  { name: "table gone", change: "drop table exchange.age_withdraw", refused: /^table age_withdraw is missing/ },
  {
    name: "many differences",
    change: "drop table exchange.recoup, exchange.refunds, exchange.prewire, exchange.contracts, exchange.wire_fee, " +
      "exchange.global_fee",
    refused: / and 2 more \(/,
  },
  {
    name: "half a migration",
    change: `insert into exchange.exchange_tables (name, version, action, partitioned, by_range)
      values ('recoup8', 'exchange-0008', 'alter', true, false)`,
    refused: /^1 unfinished steps of a migration \(exchange-0008 alter recoup8\)$/,
    advice: /taler-exchange-dbinit/,
  },
  { name: "dropped", change: "drop schema exchange cascade", refused: /^no table in it$/, advice: /exchange-dbinit/ },
];

Deno.test("our DDL is read as the server reads it", () =>
  withDatabase(async (sql) => {
    await createExchangeSchema(sql);
    assert.deepEqual(sorted(columnsOfDdl(EXCHANGE_DDL)), sorted(await readColumns(sql, "exchange")));
  }));

function sorted(columns: Map<string, Map<string, string>>): string[] {
  return [...columns].flatMap(([table, known]) => [...known].map(([name, type]) => `${table}.${name} ${type}`)).sort();
}

Deno.test("generations of schema exchange", async (t) => {
  const template = await templateOf();
  for (const { name, change, refused, advice, warnings } of CASES) {
    await t.step(name, () =>
      withDatabase(async (sql) => {
        await sql.unsafe(change);
        const verdict = await detectExchangeSchema(sql);
        if (verdict.accepted) {
          assert.equal(refused, undefined, "should be refused");
          assert.equal(verdict.generation, "0.14");
          assert.equal(verdict.partitioned, false);
          assert.equal(verdict.warnings.length, warnings?.length, verdict.warnings.join("; "));
          verdict.warnings.forEach((text, place) => assert.match(text, warnings![place]!));
          await requireExchangeSchema(sql);
        } else {
          assert.match(verdict.found, refused ?? /^$/);
          assert.match(verdict.advice, advice ?? /./);
          await assert.rejects(() => requireExchangeSchema(sql), SchemaRefused);
        }
      }, template));
  }
});

/** A database with both schemas, under its own name. */
async function templateOf(): Promise<string> {
  return new URL(await emptyDatabase(await sharedServer())).pathname.slice(1);
}

Deno.test("a partitioned exchange is recognised", async () => {
  await withDatabase(async (sql) => {
    await sql.unsafe(PARTITIONED);
    const verdict = await requireExchangeSchema(sql);
    assert.equal(verdict.partitioned, true);
    assert.deepEqual(verdict.warnings, []);
  }, await templateOf());
});

/** Runs `body` with a role that has been granted `grants` and nothing else. */
async function asRole(
  sql: Sql,
  grants: string,
  body: (tx: Parameters<typeof detectExchangeSchema>[0]) => Promise<void>,
) {
  await sql.begin(async (tx) => {
    await tx.unsafe(`create role reader_of_tests; ${grants}; set local role reader_of_tests`);
    await body(tx);
    await tx.unsafe("reset role; drop owned by reader_of_tests; drop role reader_of_tests");
  });
}

Deno.test("missing rights are named", async () => {
  const template = await templateOf();
  const usage = "grant usage on schema exchange to reader_of_tests";
  const select = "grant select on all tables in schema exchange to reader_of_tests";
  await withDatabase(async (sql) => {
    await asRole(sql, "select", async (tx) => {
      const verdict = await detectExchangeSchema(tx);
      assert.match(verdict.accepted ? "" : verdict.found, /^no right to read account_merges, .* and 62 more$/);
      assert.match(verdict.accepted ? "" : verdict.advice, /GRANT USAGE ON SCHEMA exchange/);
    });
    await asRole(sql, `${usage}; ${select}; revoke select on exchange.recoup from reader_of_tests`, async (tx) => {
      const verdict = await detectExchangeSchema(tx);
      assert.equal(verdict.accepted ? "" : verdict.found, "no right to read recoup");
    });
    await asRole(sql, `${usage}; ${select}`, async (tx) => {
      const verdict = await requireExchangeSchema(tx);
      assert.deepEqual(verdict.warnings, [
        "the patch registry _v.patches may not be read: its content was not checked",
      ]);
    });
  }, template);
});

Deno.test("schema auditor: what is accepted and what is refused", async (t) => {
  const template = await templateOf();
  const cases: { name: string; change: string; refused?: RegExp; advice?: RegExp; warnings?: RegExp[] }[] = [
    { name: "as created", change: "", warnings: [] },
    {
      name: "no registry",
      change: "drop schema _v cascade",
      warnings: [/^not registered, though the columns are there/],
    },
    {
      name: "0.14.0",
      change: "alter table auditor.auditor_deposit_confirmations rename row_id to deposit_confirmation_serial_id",
      refused: /another release: column auditor_deposit_confirmations\.row_id is missing$/,
      advice: /save the table auditor_deposit_confirmations.*dbinit --reset/,
    },
    {
      name: "the reference's alone",
      change: `delete from _v.patches where patch_name = 'auditor-x-0001';
        do $$ declare t text; begin
          for t in select relname from pg_class where relkind = 'r' and relname like 'auditor\\_x\\_%' loop
            execute format('drop table auditor.%I cascade', t);
          end loop; end $$`,
      refused: /^only the reference's tables$/,
      advice: /run taler-auditor dbinit$/,
    },
    {
      name: "our tables of another release",
      change: `do $$ declare t text; begin
          select relname into t from pg_class where relkind = 'r' and relname like 'auditor\\_x\\_%' limit 1;
          execute format('drop table auditor.%I cascade', t);
        end $$`,
      refused: /^tables of another release of taler-auditor: table auditor_x_/,
    },
    { name: "dropped", change: "drop schema auditor cascade", refused: /^no table in it$/, advice: /dbinit$/ },
  ];
  for (const { name, change, refused, advice, warnings } of cases) {
    await t.step(name, () =>
      withDatabase(async (sql) => {
        await sql.unsafe(change);
        const verdict = await detectAuditorSchema(sql);
        if (verdict.accepted) {
          assert.equal(refused, undefined, "should be refused");
          assert.equal(verdict.warnings.length, warnings?.length, verdict.warnings.join("; "));
          verdict.warnings.forEach((text, place) => assert.match(text, warnings![place]!));
          await requireAuditorSchema(sql);
        } else {
          assert.match(verdict.found, refused ?? /^$/);
          assert.match(verdict.advice, advice ?? /./);
          await assert.rejects(() => requireAuditorSchema(sql), SchemaRefused);
        }
      }, template));
  }
});
