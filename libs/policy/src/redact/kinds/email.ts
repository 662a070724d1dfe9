import { matchesIn, type Find } from '../search.js';

// Of what RFC 5322 lets stand before the sign, what does not also separate the parts of an URL.
const LOCAL = /[\p{L}\p{N}.!$%*+^_~-]/u;
const DOMAIN = /[\p{L}\p{N}.-]/u;
// A name with a dot in it, whose last part is two letters or more.
const HOST = /^[\p{L}\p{N}](?:[\p{L}\p{N}-]*\.)+(?:xn--[a-z0-9-]+|\p{L}{2,})/iu;

/** E-mail addresses, also with the sign as `%40`. No character is looked at for more than two signs. */
export const findEmails: Find = (text, found, work) => {
  for (const { 0: sign, index } of matchesIn(text, /@|%40/g)) {
    const after = index + sign.length;
    let from = index;
    while (from > 0 && LOCAL.test(text[from - 1]!)) from--;
    let to = after;
    while (to < text.length && DOMAIN.test(text[to]!)) to++;
    work.spend(2 * (to - from));
    const host = HOST.exec(text.slice(after, to));
    if (from < index && host) found(from, after + host[0].length);
  }
};
