import { renderSVG } from 'uqr';
import { Html, html } from './html.js';
import { hiddenFields, page, problem } from './layout.js';

export interface AuthenticatorPage {
  action: string;
  csrf: string;
  /** The secret once more, sealed. */
  setup: string;
  /** Base 32. */
  secret: string;
  /** `otpauth://totp/…`. */
  uri: string;
  problem: string | undefined;
}

/** Sets up an authenticator app: the code to scan, the same to type, and a first code as proof. */
export function authenticatorPage(content: AuthenticatorPage): string {
  // Markup of its own making, from an address of our own making.
  const code = new Html(renderSVG(content.uri, { ecc: 'M', border: 2 }));
  return page({
    title: 'Set up an authenticator app',
    body: html`<p class="soft">
        Scan this with an app such as 1Password, Google Authenticator or Microsoft Authenticator.
      </p>
      <div class="qr" role="img" aria-label="QR code with the setup key below">${code}</div>
      <details>
        <summary>No camera? Type the setup key</summary>
        <p><code>${content.secret.match(/.{4}/g)!.join(' ')}</code></p>
        <p class="hint">Kind: time based, 6 digits, every 30 seconds.</p>
      </details>
      ${problem(content.problem)}
      <form
        method="post"
        action="${content.action}"
        aria-describedby="${content.problem ? 'problem' : undefined}"
      >
        ${hiddenFields({ csrf: content.csrf, flow: undefined })}
        <input type="hidden" name="setup" value="${content.setup}" />
        <label for="code">Code that the app shows now</label>
        <input
          id="code"
          name="code"
          inputmode="numeric"
          autocomplete="one-time-code"
          maxlength="10"
          required
        />
        <button type="submit">Set up</button>
      </form>
      <p><a href="/account/security">Cancel</a></p>`,
  });
}
