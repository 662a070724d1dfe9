import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  addressChangedLetter,
  alertLetter,
  approvalDecidedLetter,
  approvalRequestedLetter,
  approvalVoidLetter,
  confirmNewAddressLetter,
  invitationLetter,
  openMail,
  passwordChangedLetter,
  passwordKnownLetter,
  resetPasswordLetter,
  sealMail,
  secondFactorChangedLetter,
  verifyAddressLetter,
} from '../index.js';

const from = { to: 'pat@example.com', publicUrl: 'https://tools.example' };
const at = new Date('2026-03-04T05:06:07Z');
const url = 'https://tools.example/verify?token=t';
const LETTERS = {
  verify: verifyAddressLetter({ ...from, url }),
  reset: resetPasswordLetter({ ...from, url }),
  invitation: invitationLetter({
    ...from,
    url,
    workspace: 'Acme',
    inviter: 'ida@example.com',
    expiresAt: at,
  }),
  password: passwordChangedLetter({ ...from, at, appsStay: true }),
  known: passwordKnownLetter({ ...from, at }),
  added: secondFactorChangedLetter({ ...from, change: 'added', factor: 'a passkey', at }),
  removed: secondFactorChangedLetter({ ...from, change: 'removed', factor: 'a passkey', at }),
  moved: addressChangedLetter({ ...from, newAddress: 'new@example.com', at }),
  asked: approvalRequestedLetter({
    ...from,
    url,
    tool: 'crm_create_lead',
    requester: 'ida@example.com',
    expiresAt: at,
  }),
  rejected: approvalDecidedLetter({
    ...from,
    url,
    tool: 'crm_create_lead',
    became: 'rejected',
    by: 'ida@example.com',
    reason: 'Not this one.\r\nSee http://evil.example/x',
  }),
  expired: approvalDecidedLetter({ ...from, url, tool: 'crm_create_lead', became: 'expired' }),
  void: approvalVoidLetter({
    ...from,
    url,
    tool: 'crm_create_lead',
    requester: 'ida@example.com',
    reason: 'The connection was changed.',
  }),
  alert: alertLetter({
    ...from,
    url,
    workspace: 'Acme http://evil.example',
    headline: '80 % spent: monthly budget of the workspace',
    what: 'Of the monthly budget of the workspace, $82 of $100 is spent.',
    todo: 'To let more through, raise its limit.',
    roles: 'an owner or an admin',
  }),
  moving: confirmNewAddressLetter({ ...from, oldAddress: 'old@example.com', url }),
};

const key = randomBytes(32);
const seal = (place: string, plaintext: string) => {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(place));
  const text = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()]);
  return Buffer.concat([nonce, cipher.getAuthTag(), text]);
};
const open = (place: string, box: Uint8Array) => {
  const bytes = Buffer.from(box);
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12))
    .setAAD(Buffer.from(place))
    .setAuthTag(bytes.subarray(12, 28));
  return Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]);
};

describe('every letter', () => {
  test.each(Object.entries(LETTERS))(
    '%s says whom it is for, from where, and whom to ask',
    (_name, mail) => {
      expect(mail.to).toBe('pat@example.com');
      expect(mail.text).toContain('pat@example.com');
      expect(mail.text).toContain('Conducktor at https://tools.example');
      expect(mail.text).toContain('Questions?');
      // A link stands alone on its line, where no mail program takes a full stop for a part of it.
      expect(mail.text).not.toMatch(/<|\/verify\?token=t[^\n]/);
      expect(mail.subject).not.toMatch(/[\r\n]/);
    },
  );
});

describe('a name that somebody chose', () => {
  const invite = (workspace: string) =>
    invitationLetter({ ...from, url, workspace, inviter: 'ida@example.com', expiresAt: at });

  test('begins no header and no paragraph of its own', () => {
    const mail = invite('Acme\r\nBcc: all@example.com\u2028\n\nDear customer');
    expect(mail.subject).toBe(
      'Invitation to the workspace "Acme Bcc: all@example. com Dear customer"',
    );
    expect(mail.text).not.toMatch(/^(Bcc|Dear)/m);
  });

  test('brings no link, no turned text and no page of its own', () => {
    const mail = invite(`https://evil.example/login\u202e ${'x'.repeat(500)}`);
    expect(mail.text).not.toContain('evil.example');
    expect(mail.text).not.toContain('\u202e');
    expect(mail.subject.length).toBeLessThan(120);
  });
});

describe('a sealed letter', () => {
  test('opens with its own id only, and shows neither address nor link', () => {
    const mail = LETTERS.reset;
    const row = sealMail(seal, mail, 'reset/1');
    expect(row.dedupeKey).toBe('reset/1');
    expect(openMail(open, row)).toEqual(mail);
    expect(row.sealed.toString('latin1')).not.toMatch(/pat@|token=/);
    expect(() => openMail(open, { ...row, id: 'mai_other' })).toThrow();
  });

  test.each(['', 'pat', 'a@b,c@d', 'a@b\r\nBcc: c@d', 'Pat <a@b>', 'a@b c@d', 'a@b@c'])(
    'is not made for %j, which is not one address',
    (to) => {
      expect(() => sealMail(seal, { to, subject: 's', text: 't' })).toThrow('exactly one address');
    },
  );
});
