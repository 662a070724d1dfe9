/** The only script of these pages: it asks the browser for a passkey and posts what it answers. */
export const PASSKEY_SCRIPT_PATH = '/login/passkey.js';

/**
 * Forms with `data-passkey` are shown where the browser knows passkeys as JSON (WebAuthn level 3,
 * sections 5.1.8 to 5.1.10). Everything that counts is checked by the server.
 */
export const PASSKEY_SCRIPT = `'use strict';
const known = window.PublicKeyCredential;
if (known && known.parseRequestOptionsFromJSON && known.prototype.toJSON) {
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    const answer = form.elements.namedItem('answer');
    const button = form.querySelector('button[data-asks]');
    const status = form.querySelector('[role=status]');
    const ask = (options) =>
      form.dataset.passkey === 'create'
        ? navigator.credentials.create({ publicKey: known.parseCreationOptionsFromJSON(options) })
        : navigator.credentials.get({ publicKey: known.parseRequestOptionsFromJSON(options) });
    form.hidden = false;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      button.disabled = true;
      status.textContent = '';
      try {
        const credential = await ask(JSON.parse(form.dataset.options));
        answer.value = JSON.stringify(credential.toJSON());
        form.submit();
      } catch (error) {
        status.textContent =
          error.name === 'InvalidStateError'
            ? 'This device has a passkey for this account already.'
            : 'No passkey was used. Try again, or go on in another way.';
        button.disabled = false;
      }
    });
    // A page that comes back from the browser's memory begins anew.
    window.addEventListener('pageshow', () => {
      answer.value = '';
      button.disabled = false;
    });
  }
}
`;
