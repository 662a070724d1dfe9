import { html, type Html } from './html.js';

/** The password that is, and the one that is to be. */
export function newPasswordFields(): Html {
  return html`<label for="current">Current password</label>
    <input
      id="current"
      name="current"
      type="password"
      autocomplete="current-password"
      maxlength="200"
      required
    />
    <label for="password">New password</label>
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
