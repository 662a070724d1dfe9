import { matchesIn, type Find } from '../search.js';

const [SHORTEST, LONGEST] = [13, 19];
// Numbers of the schemes in use; without it, one time stamp in ten would pass the check digit.
const SCHEME =
  /^(?:4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|(?:6011|64[4-9]\d|65\d\d|35[2-8]\d|62\d\d)\d{12,15}|(?:50|5[6-8]|6[0-9])\d{11,17})$/;

/** Card numbers (ISO/IEC 7812) with a right check digit, in one piece or in groups. */
export const findCards: Find = (text, found, work) => {
  for (const run of matchesIn(text, /\d{2,}(?:[ \u00a0-]\d{2,})*/g)) {
    if (run[0].length < SHORTEST) continue;
    const groups = [...run[0].matchAll(/\d+/g)].map((group) => ({
      digits: group[0],
      from: run.index + group.index,
    }));
    // A number can begin with any group of a longer run, and ends with one.
    for (let first = 0; first < groups.length; first++) {
      let digits = '';
      work.spend(LONGEST);
      for (let last = first; last < groups.length; last++) {
        const group = groups[last]!;
        if (digits.length + group.digits.length > LONGEST) break;
        digits += group.digits;
        if (digits.length < SHORTEST) continue;
        if (SCHEME.test(digits) && passesLuhn(digits))
          found(groups[first]!.from, group.from + group.digits.length);
      }
    }
  }
};

/** ISO/IEC 7812-1, annex B. */
function passesLuhn(digits: string): boolean {
  let sum = 0;
  for (let place = 0; place < digits.length; place++) {
    const digit = digits.charCodeAt(digits.length - 1 - place) - 48;
    const doubled = digit * 2;
    sum += place % 2 === 0 ? digit : doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
