import { html, type Html } from './html.js';
import { hiddenFields, page, problem } from './layout.js';
import { passkeyForm } from './passkey-form.js';

export interface SecondFactorPage {
  /** Where its forms go. */
  action: string;
  title: string;
  /** Why it is asked, as a sentence. */
  why: Html | string;
  csrf: string;
  flow: string | undefined;
  /** The person has an authenticator app. */
  totp: boolean;
  /** The person may have recovery codes. */
  recovery: boolean;
  /** Options for a passkey of theirs, when they have one that can be used here. */
  passkey: string | undefined;
  /** Fields that every form carries besides. */
  carry?: Html;
  /** More ways to go on, after the others. */
  more?: Html;
  problem: string | undefined;
}

/** Asks for one of the second factors that a person has. */
export function secondFactorPage(content: SecondFactorPage): string {
  return page({
    title: content.title,
    passkeys: content.passkey !== undefined,
    body: html`<p class="soft">${content.why}</p>
      ${problem(content.problem)}
      ${
        content.passkey !== undefined &&
        passkeyForm({
          action: content.action,
          csrf: content.csrf,
          flow: content.flow,
          options: content.passkey,
          asks: 'get',
          label: 'Use a passkey',
          primary: !content.totp,
          fields: html`${content.carry}<input type="hidden" name="with" value="passkey" />`,
        })
      }
      ${content.totp && codeForm(content)} ${content.recovery && recoveryForm(content)}
      ${content.more}`,
  });
}

function codeForm(content: SecondFactorPage): Html {
  return html`<form
    method="post"
    action="${content.action}"
    aria-describedby="${content.problem ? 'problem' : undefined}"
  >
    ${hiddenFields(content)}${content.carry}
    <input type="hidden" name="with" value="code" />
    <label for="code">Code from your authenticator app</label>
    <input
      id="code"
      name="code"
      inputmode="numeric"
      autocomplete="one-time-code"
      maxlength="10"
      required
      autofocus
      aria-describedby="code-hint"
    />
    <p class="hint" id="code-hint">Six digits. Each code works once.</p>
    <button type="submit">Go on</button>
  </form>`;
}

function recoveryForm(content: SecondFactorPage): Html {
  return html`<details>
    <summary>Lost your phone or key? Use a recovery code</summary>
    <form method="post" action="${content.action}">
      ${hiddenFields(content)}${content.carry}
      <input type="hidden" name="with" value="recovery" />
      <label for="recovery">Recovery code</label>
      <input
        id="recovery"
        name="recovery"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        maxlength="40"
        required
        aria-describedby="recovery-hint"
      />
      <p class="hint" id="recovery-hint">One of the ten that you kept. Each works once.</p>
      <button class="quiet" type="submit">Use this recovery code</button>
    </form>
  </details>`;
}
