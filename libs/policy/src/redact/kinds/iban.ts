import { matchesIn, type Find } from '../search.js';

// ISO 13616 registry: country and length.
const LENGTHS = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 ' +
    'DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 ' +
    'IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 ' +
    'MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 ' +
    'SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
);
const LONGEST = 34;

/** International bank account numbers (ISO 13616) with right check digits, in one piece or in groups. */
export const findIbans: Find = (text, found, work) => {
  for (const { index } of matchesIn(text, /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}/g)) {
    const length = LENGTHS.get(text.slice(index, index + 2).toUpperCase());
    if (length === undefined) continue;
    let number = '';
    let to = index;
    // One space or hyphen at most between two characters, so that the walk is short.
    for (; to < text.length && number.length < length && to - index < 2 * LONGEST; to++) {
      const letter = text[to]!;
      if (isAlphanumeric(letter)) number += letter;
      else if (letter !== ' ' && letter !== '-' && letter !== '\u00a0') break;
    }
    work.spend(2 * (to - index));
    if (number.length !== length || isAlphanumeric(text[to] ?? '')) continue;
    if (passesMod97(number.toUpperCase())) found(index, to);
  }
};

const isAlphanumeric = (letter: string) =>
  (letter >= '0' && letter <= '9') ||
  (letter >= 'A' && letter <= 'Z') ||
  (letter >= 'a' && letter <= 'z');

/** ISO/IEC 7064, MOD 97-10. */
function passesMod97(iban: string): boolean {
  let rest = 0;
  for (const letter of iban.slice(4) + iban.slice(0, 4)) {
    const value = parseInt(letter, 36);
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97;
  }
  return rest === 1;
}
