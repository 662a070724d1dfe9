import { matchesIn, type Find } from '../search.js';

const SHAPES = [
  // +49 30 1234567, 0049 (0)30/1234567, tel:+493012345 (ITU-T E.164: fifteen digits at most)
  /(?<![\d+])(?:\+|00)[1-9](?:[ \u00a0()./-]{0,3}\d){6,14}(?!\d)/g,
  // (212) 555-0123, 212-555-0123, 1 212.555.0123
  /(?<![\d.-])(?:1[ .-]?)?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}(?![\d-])/g,
  // 030 1234567, (0171) 123 45 67, 0171/1234567
  /(?<![\d.-])\(?0[1-9]\d{1,4}\)?[ /]{1,3}\d{2,}(?:[ -]\d{2,})*(?!\d)/g,
];

/** Telephone numbers as people write them; digits without a mark of one are left alone. */
export const findPhones: Find = (text, found) => {
  for (const shape of SHAPES)
    for (const { 0: number, index } of matchesIn(text, shape)) {
      const digits = number.replace(/\D/g, '').length;
      if (digits >= 7 && digits <= 17) found(index, index + number.length);
    }
};
