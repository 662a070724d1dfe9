import { createTransport } from 'nodemailer';
import { LetterDelayed, LetterRefused, type OutgoingLetter, type WayOut } from './way-out.js';

const CONNECT_MS = 10_000;
const SILENCE_MS = 20_000;
const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/;

/**
 * SMTP (RFC 5321) to the server of SMTP_URL. `smtps:` is TLS from the start; `smtp:` takes STARTTLS when
 * it is offered, and insists on it (RFC 8314) as soon as a password would be sent over a network.
 */
export function smtp(url: string, from: string): WayOut {
  const server = new URL(url);
  const user = decodeURIComponent(server.username);
  const secure = server.protocol === 'smtps:';
  const transport = createTransport({
    host: server.hostname.replace(/^\[|\]$/g, ''),
    port: Number(server.port) || (secure ? 465 : 587),
    secure,
    requireTLS: !secure && user !== '' && !LOOPBACK.test(server.hostname),
    ...(user === '' ? {} : { auth: { user, pass: decodeURIComponent(server.password) } }),
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    dnsTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    tls: { minVersion: 'TLSv1.2' },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    kind: 'smtp',
    async send(letter, signal) {
      try {
        await transport.sendMail({
          from,
          // As an object: it is one address, whatever it looks like.
          to: { name: '', address: letter.to },
          subject: letter.subject,
          text: letter.text,
          messageId: `<${letter.messageId}>`,
          date: letter.createdAt,
          // RFC 3834: no vacation answers to this.
          headers: { 'Auto-Submitted': 'auto-generated' },
          xMailer: false,
          signal,
        });
      } catch (error) {
        throw outcomeOf(error as SmtpError, letter);
      }
    },
    close: () => transport.close(),
  };
}

type SmtpError = Error & { code?: string; responseCode?: number; response?: string };

// What a server says of one letter, as opposed to what it says of us: a wrong password is ours to mend.
const OF_THE_LETTER = new Set(['EENVELOPE', 'EMESSAGE']);

function outcomeOf(error: SmtpError, letter: OutgoingLetter): Error {
  const { code = 'error', responseCode } = error;
  // What it says of a password that it refused may be that password.
  const said =
    code === 'EAUTH'
      ? `${responseCode ?? ''} the mail server refused the user or password of SMTP_URL`
      : (error.response ?? error.message);
  const reason = withoutSecrets(`${code}: ${said}`, letter);
  const never = OF_THE_LETTER.has(code) && responseCode !== undefined && responseCode >= 500;
  return never ? new LetterRefused(reason) : new LetterDelayed(reason);
}

/** Servers quote what they were sent: addresses, and some of them whole lines. */
function withoutSecrets(text: string, letter: OutgoingLetter): string {
  return text
    .replaceAll(/\s+/g, ' ')
    .replaceAll(letter.to, '<recipient>')
    .replaceAll(/[\w-]{40,}/g, '…')
    .slice(0, 300);
}
