import { html, type Html } from './html.js';

/** The fields of an account that more than one page asks for, each with its label. */

export function nameField(name: string): Html {
  return html`<label for="name">Your name</label>
    <input
      id="name"
      name="name"
      autocomplete="name"
      maxlength="100"
      required
      autofocus
      value="${name}"
    />`;
}

/** The password of somebody who is signed in already, asked again. */
export function passwordAgainField(label: string, autofocus = false): Html {
  return html`<label for="current">${label}</label>
    <input
      id="current"
      name="current"
      type="password"
      autocomplete="current-password"
      maxlength="200"
      required
      ${autofocus && 'autofocus'}
    />`;
}

export function currentPasswordField(autofocus: boolean): Html {
  return html`<label for="password">Password</label>
    <input
      id="password"
      name="password"
      type="password"
      autocomplete="current-password"
      maxlength="200"
      required
      ${autofocus && 'autofocus'}
    />`;
}

export function newPasswordField(label = 'Password'): Html {
  return html`<label for="password">${label}</label>
    <input
      id="password"
      name="password"
      type="password"
      autocomplete="new-password"
      minlength="10"
      maxlength="200"
      required
      aria-describedby="password-hint"
    />
    <p class="hint" id="password-hint">
      At least 10 characters. A few words are better than one with symbols.
    </p>`;
}
