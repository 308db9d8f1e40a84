// SPDX-License-Identifier: AGPL-3.0-or-later
/** Texts to start from, written by this project, with their translations. A compiled program carries them. */

import { type Catalogue, parseCatalogue } from "./catalogue.ts";

/** The texts by name, and what they are. */
export const TEMPLATES = {
  "auditor-tos-v0": "terms of service of an auditor",
  "auditor-pp-v0": "privacy policy of an auditor",
  "exchange-tos-v0": "terms of service of an exchange",
  "exchange-pp-v0": "privacy policy of an exchange",
} as const;

/** Name of a template. */
export type TemplateName = keyof typeof TEMPLATES;

/** The source of a template, reStructuredText. */
export async function readTemplate(name: TemplateName): Promise<string> {
  return await embedded(`${name}.rst`, () => SOURCES[name]());
}

type Load = () => Promise<{ default: string }>;

const SOURCES: Readonly<Record<TemplateName, Load>> = {
  "auditor-tos-v0": () => import("../../share/terms/auditor-tos-v0.rst", { with: { type: "text" } }),
  "auditor-pp-v0": () => import("../../share/terms/auditor-pp-v0.rst", { with: { type: "text" } }),
  "exchange-tos-v0": () => import("../../share/terms/exchange-tos-v0.rst", { with: { type: "text" } }),
  "exchange-pp-v0": () => import("../../share/terms/exchange-pp-v0.rst", { with: { type: "text" } }),
};

const GERMAN: Load = () =>
  import("../../share/terms/locale/de/LC_MESSAGES/auditor-tos-v0.po", { with: { type: "text" } });

/** Imported as text, the file is part of a compiled program. Runtimes before 2.9 cannot do this and read it. */
async function embedded(path: string, load: Load): Promise<string> {
  try {
    return (await load()).default;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return await Deno.readTextFile(new URL(`../../share/terms/${path}`, import.meta.url));
  }
}

/**
 * The translations of our templates into a language, undefined if there are none.
 *
 * @throws if a catalogue of ours is broken
 */
export async function readTemplateCatalogue(language: string): Promise<Catalogue | undefined> {
  if (language !== "de") return undefined;
  const text = await embedded("locale/de/LC_MESSAGES/auditor-tos-v0.po", GERMAN);
  const parsed = parseCatalogue("auditor-tos-v0.po", new TextEncoder().encode(text));
  if ("problems" in parsed) throw new Error(parsed.problems[0]!.message);
  return parsed.catalogue;
}
