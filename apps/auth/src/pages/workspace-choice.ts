import { type Html, html } from './html.js';

export interface WorkspaceChoice {
  id: string;
  name: string;
  /** What choosing it means besides. */
  detail?: Html | undefined;
  /** It is shown and cannot be chosen. */
  isClosed?: boolean;
}

/** The workspace of a form: chosen by the person, or the only one there is. */
export function workspaceField(workspaces: WorkspaceChoice[]): Html {
  const [first] = workspaces;
  if (workspaces.length === 1)
    return html`<input type="hidden" name="workspace" value="${first!.id}" />`;
  return html`<fieldset>
    <legend>Workspace</legend>
    ${workspaces.map(
      ({ id, name, detail, isClosed }) =>
        html`<label class="choice"
          ><input
            type="radio"
            name="workspace"
            value="${id}"
            required
            ${isClosed ? html`disabled` : ''}
          />
          <span>${name} ${detail ?? ''}</span></label
        >`,
    )}
  </fieldset>`;
}
