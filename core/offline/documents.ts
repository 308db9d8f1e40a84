// SPDX-License-Identifier: AGPL-3.0-or-later
/** The JSON documents that the steps hand to each other, in one call or carried by hand (crypto.md 8.2). */

import { decodeBase32, encodeBase32 } from "../taler/base32.ts";
import { isObject, parseDocument } from "./json.ts";

/** An element of an output document. */
export type Operation =
  | { readonly operation: "auditor-setup-0"; readonly auditorPub: Uint8Array }
  | { readonly operation: "auditor-sign-denomination-0"; readonly hash: Uint8Array; readonly signature: Uint8Array };

/** The value of an `auditor-keys-0` document around an answer of GET /keys (cli.md 10.3). */
export function keysDocument(keys: unknown): unknown {
  return { operation: "auditor-keys-0", arguments: keys };
}

/** Reads an `auditor-keys-0` document; gives its arguments. Faults are worded to follow "the input". */
export function readKeysDocument(text: string): { readonly arguments: unknown } | { readonly fault: string } {
  if (text.trim() === "") return { fault: "is empty" };
  const parsed = parseDocument(text);
  if ("fault" in parsed) return parsed;
  const { value } = parsed;
  if (Array.isArray(value)) return { fault: "is a list; what download wrote is wanted, not what sign wrote" };
  if (!isObject(value) || typeof value.operation !== "string") return { fault: "has no member operation" };
  if (value.operation !== "auditor-keys-0") return { fault: "is not about keys: its operation is not auditor-keys-0" };
  return { arguments: value.arguments };
}

/** The value of an output document (cli.md 10.2 and 10.5). */
export function operationsDocument(operations: readonly Operation[]): unknown {
  return operations.map((entry) =>
    entry.operation === "auditor-setup-0"
      ? { operation: entry.operation, arguments: { auditor_pub: encodeBase32(entry.auditorPub) } }
      : {
        operation: entry.operation,
        arguments: { h_denom_pub: encodeBase32(entry.hash), auditor_sig: encodeBase32(entry.signature) },
      }
  );
}

/** Reads an output document. Faults are worded to follow "the input"; a wrong element makes the whole unusable. */
export function readOperations(
  text: string,
): { readonly operations: readonly Operation[] } | { readonly fault: string } {
  if (text.trim() === "") return { fault: "is empty" };
  const parsed = parseDocument(text);
  if ("fault" in parsed) return parsed;
  if (!Array.isArray(parsed.value)) return { fault: "is not a list; what sign wrote is wanted" };
  const operations: Operation[] = [];
  for (const [index, value] of parsed.value.entries()) {
    const operation = readOperation(value);
    if (typeof operation === "string") return { fault: `is not usable: entry ${index + 1} ${operation}` };
    operations.push(operation);
  }
  return { operations };
}

function readOperation(value: unknown): Operation | string {
  if (!isObject(value) || typeof value.operation !== "string") return "has no member operation";
  const { operation } = value;
  const bytes = (name: string, length: number): Uint8Array | undefined => {
    const text = isObject(value.arguments) ? value.arguments[name] : undefined;
    return typeof text === "string" ? decodeBase32(text, length) : undefined;
  };
  switch (operation) {
    case "auditor-setup-0": {
      const auditorPub = bytes("auditor_pub", 32);
      return auditorPub === undefined ? "has no auditor_pub of 32 bytes" : { operation, auditorPub };
    }
    case "auditor-sign-denomination-0": {
      const hash = bytes("h_denom_pub", 64);
      const signature = bytes("auditor_sig", 64);
      if (hash === undefined || signature === undefined) return "has no h_denom_pub and auditor_sig of 64 bytes each";
      return { operation, hash, signature };
    }
    default:
      return "has an unknown operation";
  }
}
