import { CREATE_CONNECTION } from '@conducktor/contracts';
import { ownTool } from './own-tool.js';

// As REST and configuration files of clients call them.
const SECRETS =
  /^(headers?|env|environment|secrets?|token|access_?token|bearer|api_?key|password|authorization|credentials?)$/i;

export const createConnection = ownTool(CREATE_CONNECTION, {
  title: 'Create a connection',
  description:
    'Connects this workspace to an MCP server. It takes no secret: the answer has a link where a person enters one and tests the connection; its tools appear after that test.',
  idempotent: false,
  refuses: (args) => {
    const secret = Object.keys(args).find((name) => SECRETS.test(name));
    if (secret !== undefined)
      return `"${secret}": secrets are not taken here, because they would stay in this conversation. Leave it out; the answer has a link where a person enters it.`;
    const { url } = args;
    const parsed = typeof url === 'string' ? URL.parse(url) : null;
    if (parsed && (parsed.username !== '' || parsed.password !== ''))
      return '"url": leave out user and password; the answer has a link where a person enters a secret.';
    return undefined;
  },
});
