// SPDX-License-Identifier: AGPL-3.0-or-later

/**
 * Country codes that may start an IBAN: those assigned by ISO 3166-1, Kosovo (XK), which the IBAN registry uses, and
 * the codes reserved for parts of countries. Wider than the list of countries that issue IBANs, because a country that
 * joins must not make an audit report false invalid accounts.
 */
const COUNTRIES: ReadonlySet<string> = new Set(
  [
    "AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ",
    "CA CC CD CF CG CH CI CK CL CM CN CO CP CR CU CV CW CX CY CZ DE DG DJ DK DM DO DZ EA EC EE EG EH ER ES ET FI FJ FK",
    "FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU IC ID IE IL IM IN IO IQ IR IS",
    "IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN",
    "MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW",
    "PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM",
    "TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW",
  ].join(" ").split(" "),
);

/**
 * True if the text is an IBAN as a payto URI must carry it: two upper-case letters of a country, 4 to 34 letters and
 * digits, remainder 1 modulo 97 (crypto.md 1.7). The remainder is exact, also for the long numbers of Malta, Saint
 * Lucia and the Seychelles that the exchange wrongly refuses. Letters after the country may have either case.
 */
export function isIban(text: string): boolean {
  if (text.length < 4 || text.length > 34 || !/^[A-Z]{2}[A-Za-z0-9]*$/.test(text)) return false;
  if (!COUNTRIES.has(text.slice(0, 2))) return false;
  let remainder = 0;
  for (const character of text.slice(4) + text.slice(0, 4)) {
    // A letter stands for two digits, A = 10 … Z = 35, which is what radix 36 says.
    const value = parseInt(character, 36);
    remainder = (remainder * (value < 10 ? 10 : 100) + value) % 97;
  }
  return remainder === 1;
}
