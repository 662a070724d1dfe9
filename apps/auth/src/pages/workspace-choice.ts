import { type Html, html } from './html.js';

/** The workspace of a form: chosen by the person, or the only one there is. */
export function workspaceField(workspaces: { id: string; name: string }[]): Html {
  const [first] = workspaces;
  if (workspaces.length === 1)
    return html`<input type="hidden" name="workspace" value="${first!.id}" />`;
  return html`<fieldset>
    <legend>Workspace</legend>
    ${workspaces.map(
      ({ id, name }) =>
        html`<label class="choice"
          ><input type="radio" name="workspace" value="${id}" required />
          <span>${name}</span></label
        >`,
    )}
  </fieldset>`;
}
