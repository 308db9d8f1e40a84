// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * What an audit reads from an exchange: sources of typed rows, ordered by serial.
 *
 * A source belongs to one schema generation (a dialect); the passes see only the typed rows. Joins are LEFT JOINs,
 * so that a row whose partner is missing is seen and reported (audit chapter X-9) and never silently dropped.
 */
import type { Sql } from "../db/connect.ts";
import { arrayLiteral, type PageParameter, readPage, type RowProblem, type RowReader } from "../db/page.ts";

/** One table of a stage, its partners and how its rows become typed rows. */
export interface Source<Row> {
  /** The base table, as it is named in findings and messages. */
  readonly table: string;
  /** The identity column of the base table that orders the stage. */
  readonly serial: string;
  /** The amount column of the base table, if it has one; read before the partners, so that no row's amount is lost. */
  readonly amount?: string;
  /** An SQL condition on `base` that belongs to the stage, if it does not read the whole table. */
  readonly where?: string;
  /** SELECT list after serial and amount, over `base` and the joined partners; in the order in which `decode` reads. */
  readonly columns: string;
  /** LEFT JOINs of the partners on `base`. */
  readonly joins?: string;
  /** Reads one row after its serial and amount; the amount is in `r.stageAmount`. */
  readonly decode: (r: RowReader) => Row | MissingPartner;
}

/** What of a source says which rows of its table there are. */
export type Numbered = Pick<Source<unknown>, "table" | "serial" | "amount" | "where">;

/** A range of serial numbers, both ends included. */
export interface SerialRange {
  first: bigint;
  last: bigint;
}

/** The verdict on a row whose partner row does not exist (X-9). */
export class MissingPartner {
  constructor(readonly partner: string) {}
}

/** What became of one row: usable, unreadable (D-17), without partner (X-9). */
export type SourceRow<Row> =
  | { serial: bigint; atoms: bigint; row: Row }
  | { serial: bigint; atoms: bigint; problems: RowProblem[] }
  | { serial: bigint; atoms: bigint; missing: string };

/**
 * The end of the serial numbers that are read. No identity column gets there by counting; a row that claims such a
 * number, or a negative one, would stop the audit from seeing what comes after it.
 */
export const SERIALS_END = 2n ** 53n;

/** Rows without usable serial number that are named; what is more is only said. */
export const MAX_IRREGULAR = 1000;

/** How many rows a stage has to read, and what they add up to, computed by the server (the SQL side of the pair law). */
export interface Extent {
  /** Rows in the range. */
  rows: bigint;
  /** Highest usable serial of the whole table in this snapshot, 0 when it is empty. */
  highest: bigint;
  /** Sum of the amount column over the range in atoms, 0 without an amount column. */
  atoms: bigint;
  /** Serials that no page ever holds, up to one more than {@link MAX_IRREGULAR}; undefined stands for NULL. */
  irregular: (bigint | undefined)[];
}

/** Decides whether a partner joined by LEFT JOIN exists; to be called on the partner's key column. */
export function partner<T>(r: RowReader, name: string, key: T | undefined): T | MissingPartner {
  if (key !== undefined) return key;
  r.skipRest();
  return new MissingPartner(name);
}

function pageSql<Row>(source: Source<Row>, range: string): string {
  const condition = source.where === undefined ? range : `(${range}) AND (${source.where})`;
  const amount = source.amount === undefined ? "" : `base.${source.amount} AS amount, `;
  return `SELECT base.${source.serial} AS serial, ${amount}${source.columns}
    FROM (SELECT * FROM exchange.${source.table} base WHERE ${condition} ORDER BY base.${source.serial} LIMIT $1) base
    ${source.joins ?? ""} ORDER BY base.${source.serial}`;
}

function decodeAll<Row>(source: Source<Row>, reader: RowReader): SourceRow<Row>[] {
  const rows: SourceRow<Row>[] = [];
  while (reader.next()) {
    const serial = reader.serialColumn();
    const atoms = source.amount === undefined ? 0n : reader.amount(source.amount);
    reader.stageAmount = atoms;
    const row = source.decode(reader);
    if (row instanceof MissingPartner) rows.push({ serial, atoms, missing: row.partner });
    else if (reader.problems.length > 0) rows.push({ serial, atoms, problems: reader.problems });
    else rows.push({ serial, atoms, row });
  }
  return rows;
}

/** Reads up to `limit` rows with `from <= serial < until`. Rows come in ascending order of their serial. */
export async function readRange<Row>(
  sql: Sql,
  source: Source<Row>,
  from: bigint,
  until: bigint,
  limit: number,
): Promise<SourceRow<Row>[]> {
  const select = pageSql(source, `base.${source.serial} >= $2 AND base.${source.serial} < $3`);
  return decodeAll(source, await readPage(sql, source.table, select, [limit, from, until]));
}

/** Reads the rows with the given serials, for rows that an earlier run could not finish. */
export async function readSerials<Row>(
  sql: Sql,
  source: Source<Row>,
  serials: bigint[],
): Promise<SourceRow<Row>[]> {
  if (serials.length === 0) return [];
  const select = pageSql(source, `base.${source.serial} = ANY($2::int8[])`);
  return decodeAll(source, await readPage(sql, source.table, select, [serials.length, serials]));
}

/** Counts and adds up `from <= serial < until` on the server; without joins, hence independent of the pages. */
export async function readExtent(sql: Sql, source: Numbered, from: bigint, until: bigint): Promise<Extent> {
  const sum = (part: string) =>
    source.amount === undefined
      ? "0" // half an amount is none: the row cannot be read
      : `coalesce(sum((base.${source.amount}).${part}) FILTER (WHERE (base.${source.amount}) IS NOT NULL), 0)`;
  const rows = await sql.unsafe(
    `SELECT count(*)::int8 AS rows, ${sum("val")}::text AS val, ${sum("frac")}::text AS frac,
       (SELECT coalesce(max(${source.serial}), 0)::int8 FROM exchange.${source.table}
         WHERE ${source.serial} < ${SERIALS_END}) AS highest,
       ${irregularSerials(source)} AS irregular
     FROM exchange.${source.table} base
     WHERE base.${source.serial} >= $1 AND base.${source.serial} < $2 AND (${source.where ?? "true"})`,
    [from, until] as never[],
    { prepare: true },
  );
  const row = rows[0]!;
  return {
    rows: row["rows"] as bigint,
    highest: row["highest"] as bigint,
    atoms: BigInt(row["val"] as string) * 100_000_000n + BigInt(row["frac"] as string),
    irregular: parseIrregular(row["irregular"]),
  };
}

/** The serial of the row after the first `most` rows from a serial number on; undefined if there are no more than these. */
export async function serialAfter(
  sql: Sql,
  { table, serial, where = "true" }: Numbered,
  from: bigint,
  most: number,
): Promise<bigint | undefined> {
  const rows = await sql.unsafe(
    `SELECT base.${serial} AS n FROM exchange.${table} base
     WHERE base.${serial} >= $1 AND base.${serial} < ${SERIALS_END} AND (${where})
     ORDER BY base.${serial} OFFSET $2 LIMIT 1`,
    [from, most] as never[],
    { prepare: true },
  );
  return rows[0]?.["n"] as bigint | undefined;
}

/** A row that appeared in a gap (X-13). */
export interface LateRow {
  serial: bigint;
  atoms: bigint;
  /** Whether the source reads it; others of its table only fill the gap. */
  ours: boolean;
}

/**
 * The rows in some ranges of serial numbers, ascending, at most `limit` of them. One short walk over the index for each
 * range, and without joins, hence independent of the pages.
 * @param until exclusive end of the serials that may be looked at
 */
export async function readLate(
  sql: Sql,
  { table, serial, amount, where = "true" }: Numbered,
  ranges: readonly SerialRange[],
  until: bigint,
  limit: number,
): Promise<LateRow[]> {
  const part = (name: string) => amount === undefined ? "0" : `CASE WHEN a IS NOT NULL THEN (a).${name} END`;
  const rows = await sql.unsafe(
    `SELECT late.n AS serial, late.ours, coalesce(${part("val")}, 0)::int8 AS val, coalesce(${
      part("frac")
    }, 0)::int8 AS frac
     FROM unnest($1::int8[], $2::int8[]) AS gap (first, last)
     CROSS JOIN LATERAL (SELECT base.${serial} AS n, (${where}) IS TRUE AS ours, ${
      amount === undefined ? "NULL" : `base.${amount}`
    } AS a
       FROM exchange.${table} base
       WHERE base.${serial} >= gap.first AND base.${serial} <= gap.last AND base.${serial} < $3
       ORDER BY base.${serial} LIMIT $4) late
     ORDER BY 1 LIMIT $4`,
    [arrayLiteral(ranges.map((r) => r.first)), arrayLiteral(ranges.map((r) => r.last)), until, limit] as never[],
    { prepare: true },
  );
  return rows.map((r) => ({
    serial: r["serial"] as bigint,
    atoms: (r["val"] as bigint) * 100_000_000n + (r["frac"] as bigint),
    ours: r["ours"] as boolean,
  }));
}

/**
 * A hole of more numbers than these is none that transactions leave, but lies below a row whose number was made up: the
 * exchange goes on counting inside of it.
 */
export const WIDE = 1_000_000n;

/** Rows among which {@link readHoles} looks for holes. */
const HOLES_AMONG = 100_000;

/**
 * The serial numbers that no row of a table has, of `from` to `last`, as ranges, ascending: the newest `limit` of those
 * between the newest rows, but {@link WIDE} ones before all others. Rows that the source leaves out are there, too.
 * @param last serial of a row
 */
export async function readHoles(
  sql: Sql,
  { table, serial }: Numbered,
  from: bigint,
  last: bigint,
  limit: number,
): Promise<SerialRange[]> {
  const rows = await sql.unsafe(
    `WITH newest AS MATERIALIZED (SELECT base.${serial} AS n FROM exchange.${table} base
       WHERE base.${serial} >= $1 AND base.${serial} <= $2 ORDER BY base.${serial} DESC LIMIT ${HOLES_AMONG})
     SELECT x.before + 1 AS first, x.n - 1 AS last FROM (
       SELECT n, coalesce(lag(n) OVER (ORDER BY n),
         CASE WHEN (SELECT count(*) FROM newest) < ${HOLES_AMONG} THEN $1::int8 - 1 END) AS before FROM newest) x
     WHERE x.n - x.before > 1 ORDER BY x.n - x.before - 1 > ${WIDE} DESC, 1 DESC LIMIT $3`,
    // no identity column begins with 0
    [from > 1n ? from : 1n, last, limit] as never[],
    { prepare: true },
  );
  return rows.map((r) => ({ first: r["first"] as bigint, last: r["last"] as bigint }))
    .sort((a, b) => a.first < b.first ? -1 : 1);
}

/** SQL expression: the serials outside of the usable range as one text; each part is a short walk over the index. */
export function irregularSerials(
  { table, serial, where = "true" }: Numbered,
) {
  const part = (condition: string) =>
    `(SELECT base.${serial} AS n FROM exchange.${table} base WHERE base.${serial} ${condition} AND (${where})
      ORDER BY base.${serial} LIMIT ${MAX_IRREGULAR + 1})`;
  return `(SELECT string_agg(coalesce(n::text, ''), ',' ORDER BY n) FROM (
    ${["< 0", `>= ${SERIALS_END}`, "IS NULL"].map(part).join(" UNION ALL ")} LIMIT ${MAX_IRREGULAR + 1}) x)`;
}

/** The result of {@link irregularSerials}; undefined stands for NULL. */
export function parseIrregular(text: unknown): (bigint | undefined)[] {
  if (typeof text !== "string") return [];
  return text.split(",").map((n) => n === "" ? undefined : BigInt(n));
}

/** Runs a SELECT (first column: an `int8` named `serial`) and decodes every row with `decode`. */
export async function readRows<Row>(
  sql: Sql,
  table: string,
  select: string,
  parameters: PageParameter[],
  decode: (r: RowReader) => Row | MissingPartner,
): Promise<SourceRow<Row>[]> {
  const reader = await readPage(sql, table, select, parameters);
  return decodeAll({ table, serial: "serial", columns: "", decode }, reader);
}
