// SPDX-License-Identifier: AGPL-3.0-or-later
/** Statements in the form of camt.053 for tests, in the three versions that banks use. */

/** A reserve's or account's key, and another one. */
export const KEY = "83NJ6SVHNYJ1ATB0RWQAAMT4YPK6NSCFSB5NXEHFS45YAPE99V10";
export const OTHER_KEY = "P2AD3BVE6JPFWQPYFS95QG80YHJC970WNEDAAJRA8MGB1147VJ6G";

const OWN_IBAN = "DE75512108001245126199";

/** The account that the statements are about. */
export const CAMT_OWN = `payto://iban/${OWN_IBAN}?receiver-name=Exchange`;

export type CamtVersion = "02" | "04" | "08";

/** An entry; what is not given is that of an ordinary credit. */
export interface CamtEntry {
  direction?: string;
  status?: string;
  reversal?: boolean;
  reference?: string;
  amount?: string;
  /** Content of BookgDt. */
  date?: string;
  subject?: string[];
  name?: string;
  iban?: string | undefined;
  /** Inside of TxDtls. */
  extra?: string;
  parts?: { amount: string; subject: string }[];
}

const escape = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** An entry (`Ntry`) in the layout of a version. */
export function camtEntry(version: CamtVersion, entry: CamtEntry): string {
  const {
    direction = "CRDT",
    status = "BOOK",
    reversal = false,
    reference = "",
    amount = "5.00",
    date = "<Dt>2026-05-01</Dt>",
    subject = [],
    parts,
  } = entry;
  const details = (parts ?? [{ amount, subject: undefined }]).map((part) =>
    txDetails(version, direction, entry, part.subject === undefined ? subject : [part.subject], part.amount)
  );
  return `<Ntry>
    <Amt Ccy="EUR">${amount}</Amt><CdtDbtInd>${direction}</CdtDbtInd>${reversal ? "<RvslInd>true</RvslInd>" : ""}
    <Sts>${version === "08" ? `<Cd>${status}</Cd>` : status}</Sts>
    <BookgDt>${date}</BookgDt><ValDt><Dt>2026-05-03</Dt></ValDt><AcctSvcrRef>${reference}</AcctSvcrRef>
    <NtryDtls>${details.join("")}</NtryDtls></Ntry>`;
}

function txDetails(
  version: CamtVersion,
  direction: string,
  entry: CamtEntry,
  subject: readonly string[],
  amount: string,
): string {
  const { name = "Jane Doe", extra = "" } = entry;
  const iban = "iban" in entry ? entry.iban : "DE89370400440532013000";
  const side = direction === "DBIT" ? "Cdtr" : "Dbtr";
  const party = version === "08" ? `<Pty><Nm>${escape(name)}</Nm></Pty>` : `<Nm>${escape(name)}</Nm>`;
  const money = version === "02"
    ? `<AmtDtls><TxAmt><Amt Ccy="EUR">${amount}</Amt></TxAmt></AmtDtls>`
    : `<Amt Ccy="EUR">${amount}</Amt>`;
  const account = iban === undefined ? "<Othr><Id>1</Id></Othr>" : `<IBAN>${iban}</IBAN>`;
  return `<TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>${money}
    <RltdPties><${side}>${party}</${side}><${side}Acct><Id>${account}</Id></${side}Acct></RltdPties>
    <RmtInf>${subject.map((line) => `<Ustrd>${escape(line)}</Ustrd>`).join("")}</RmtInf>${extra}</TxDtls>`;
}

/** A document with one statement. */
export function camt(version: CamtVersion, entries: readonly string[], iban = OWN_IBAN): string {
  return `<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.${version}"><BkToCstmrStmt>
  <GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-05-04T00:00:00Z</CreDtTm></GrpHdr>
  <Stmt><Id>S1</Id><CreDtTm>2026-05-04T00:00:00Z</CreDtTm>
    <Acct><Id><IBAN>${iban}</IBAN></Id><Ccy>EUR</Ccy><Ownr><Nm>Exchange</Nm></Ownr></Acct>
    ${entries.join("\n")}
  </Stmt></BkToCstmrStmt></Document>`;
}
