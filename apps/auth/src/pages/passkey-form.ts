import { html, type Html } from './html.js';
import { hiddenFields } from './layout.js';

export interface PasskeyForm {
  action: string;
  csrf: string;
  flow?: string | undefined;
  /** For `navigator.credentials`, as JSON. */
  options: string;
  asks: 'get' | 'create';
  label: string;
  /** Goes with the primary look when there is no other button above. */
  primary?: boolean;
  /** More fields, above the button. */
  fields?: Html;
}

/** A form that the script fills in; without JavaScript it is not shown. */
export function passkeyForm(form: PasskeyForm): Html {
  return html`<form
    method="post"
    action="${form.action}"
    data-passkey="${form.asks}"
    data-options="${form.options}"
    hidden
  >
    ${hiddenFields({ csrf: form.csrf, flow: form.flow })}
    <input type="hidden" name="answer" value="" />
    ${form.fields}
    <button data-asks ${!form.primary && html`class="quiet"`} type="submit">${form.label}</button>
    <p class="hint" role="status"></p>
  </form>`;
}
