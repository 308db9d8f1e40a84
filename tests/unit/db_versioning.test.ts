// SPDX-License-Identifier: AGPL-3.0-or-later
/** The patch registry behaves as the specification says (database.md 2). */

import assert from "node:assert/strict";
import { connect } from "../../core/db/connect.ts";
import { appliedPatches, ensureRegistry, registerPatches, unregisterPatches } from "../../core/db/versioning.ts";
import { withDatabase } from "../support/server.ts";

Deno.test("patches are registered once, in the order of their requirements", () =>
  withDatabase(async (sql) => {
    assert.equal(await appliedPatches(sql, "demo-"), undefined);
    await sql.begin((tx) => unregisterPatches(tx, ["demo-"]));
    await sql.begin((tx) => ensureRegistry(tx));
    await sql.begin((tx) => ensureRegistry(tx));
    await sql.begin((tx) => registerPatches(tx, ["demo-0002", "demo-0001", "other-0001"]));
    assert.deepEqual(await appliedPatches(sql, "demo-"), ["demo-0001", "demo-0002"]);
    assert.deepEqual(await appliedPatches(sql, "demo_"), [], "no wild cards in a prefix");

    await assert.rejects(() => sql`select _v.register_patch('demo-0001')`, /patch demo-0001 is already applied/);
    await sql`select _v.register_patch('demo-0003', array['demo-0001', 'demo-0002'])`;
    await assert.rejects(
      () => sql`select _v.register_patch('demo-0004', array['demo-0001', 'demo-0009'], array['none'])`,
      /patch demo-0004 requires patches that are not applied: demo-0009/,
    );
    await assert.rejects(
      () => sql`select _v.register_patch('demo-0004', null, array['demo-0002'])`,
      /patch demo-0004 conflicts with applied patches: demo-0002/,
    );
    await sql`select _v.register_patch('demo-0004', null, null)`;
    const [row] = await sql`
      select applied_by, requires, conflicts, applied_tsz is not null as dated
        from _v.patches where patch_name = 'demo-0004'`;
    assert.deepEqual({ ...row }, { applied_by: "postgres", requires: [], conflicts: [], dated: true });

    await assert.rejects(() => sql`select _v.unregister_patch('demo-0002')`, /demo-0002 is required by: demo-0003/);
    await assert.rejects(() => sql`select _v.unregister_patch('demo-0077')`, /demo-0077 is not applied/);
    await sql`select _v.assert_patch_is_applied('demo-0003')`;
    await sql`select _v.unregister_patch('demo-0003')`;
    await assert.rejects(() => sql`select _v.assert_patch_is_applied('demo-0003')`, /demo-0003 is not applied/);
    await sql.begin((tx) => unregisterPatches(tx, ["demo-"]));
    assert.deepEqual(await appliedPatches(sql, "demo-"), []);
    assert.deepEqual(await appliedPatches(sql, "other-"), ["other-0001"]);
  }));

Deno.test("roles can be asserted", () =>
  withDatabase(async (sql) => {
    await sql.begin((tx) => ensureRegistry(tx));
    await sql`select _v.assert_user_is_superuser()`;
    await sql`select _v.assert_user_is_one_of('nobody', 'postgres')`;
    await assert.rejects(() => sql`select _v.assert_user_is_not_superuser()`, /postgres is a superuser/);
    await assert.rejects(() => sql`select _v.assert_user_is_one_of('nobody')`, /postgres is none of: nobody/);
    await sql.begin(async (tx) => {
      await tx.unsafe("create role plain; grant usage on schema _v to plain; set local role plain");
      await tx`select _v.assert_user_is_not_superuser()`;
      await assert.rejects(
        () => tx.savepoint((inner) => inner`select _v.assert_user_is_superuser()`),
        /plain is not a superuser/,
      );
      await tx.unsafe("reset role; revoke all on schema _v from plain; drop role plain");
    });
  }));

Deno.test("two registrations of one patch at the same time: one waits and fails", () =>
  withDatabase(async (sql, { target }) => {
    const other = await connect(target, { searchPath: [], applicationName: "taler-auditor test" });
    await sql.begin((tx) => ensureRegistry(tx));
    const both = await Promise.allSettled(
      [sql, other].map((client) => client.begin((tx) => registerPatches(tx, ["demo-0001"]))),
    );
    assert.deepEqual(both.map((result) => result.status).sort(), ["fulfilled", "rejected"]);
    await other.end();
  }));
