// SPDX-License-Identifier: AGPL-3.0-or-later
/**
 * The fonts of our PDF documents: IBM Plex Sans and Mono (SIL Open Font License 1.1), Latin, Greek and Cyrillic. They
 * come from npm packages; a compiled program carries them. Read permission is needed only when run from source.
 */

// Importing them makes the packages part of the program, so that their files are found and compiled in.
import mono from "@expo-google-fonts/ibm-plex-mono/metadata.json" with { type: "json" };
import sans from "@expo-google-fonts/ibm-plex-sans/metadata.json" with { type: "json" };

/** Name of the family for running text. */
export const TEXT_FAMILY = sans.family;

/** Name of the family for literals, keys and hashes. */
export const MONO_FAMILY = mono.family;

const FILES = [
  "@expo-google-fonts/ibm-plex-sans/400Regular/IBMPlexSans_400Regular.ttf",
  "@expo-google-fonts/ibm-plex-sans/400Regular_Italic/IBMPlexSans_400Regular_Italic.ttf",
  "@expo-google-fonts/ibm-plex-sans/600SemiBold/IBMPlexSans_600SemiBold.ttf",
  "@expo-google-fonts/ibm-plex-mono/400Regular/IBMPlexMono_400Regular.ttf",
];

let loaded: Promise<readonly Uint8Array[]> | undefined;

/** The fonts as TrueType files: text in regular, italic and semibold, mono in regular. About 0.8 MB, read once. */
export function loadFonts(): Promise<readonly Uint8Array[]> {
  loaded ??= Promise.all(FILES.map((name) => Deno.readFile(new URL(import.meta.resolve(name)))));
  return loaded;
}
