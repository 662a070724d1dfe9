import type { Message } from './message.js';

/** Slack takes 2,000 characters in a field, 150 in a header and 3,000 in a section. */
const FIELD_MAX = 300;
const HEADER_MAX = 150;
const SECTION_MAX = 2_500;

/**
 * The body for an incoming webhook of Slack: blocks, and `text` for notifications. What somebody chose
 * stands in plain text only, so that it mentions nobody and brings no link; arguments only where the
 * message has them.
 */
export function slackBody(message: Message): string {
  const { headline, fields, paragraphs, attachment, link, linkWords } = message;
  return JSON.stringify({
    text: escape(cut(headline, HEADER_MAX)),
    unfurl_links: false,
    blocks: [
      { type: 'header', text: plain(headline, HEADER_MAX) },
      ...paragraphs.map((text) => ({ type: 'section', text: plain(text, SECTION_MAX) })),
      ...(fields.length === 0
        ? []
        : [
            {
              type: 'section',
              fields: fields.map(([name, value]) => plain(`${name}: ${value}`)),
            },
          ]),
      ...(attachment === undefined
        ? []
        : [{ type: 'section', text: plain(JSON.stringify(attachment, null, 1), SECTION_MAX) }]),
      { type: 'section', text: { type: 'mrkdwn', text: `<${link}|${linkWords}>` } },
    ],
  });
}

/** Says that the channel works. */
export function slackTestBody(publicUrl: string): string {
  return JSON.stringify({ text: escape(`Conducktor at ${publicUrl} can write here.`) });
}

const plain = (text: string, max = FIELD_MAX) => ({
  type: 'plain_text',
  text: cut(text, max),
  emoji: false,
});

function cut(text: string, max: number): string {
  const characters = [...text];
  return characters.length <= max ? text : `${characters.slice(0, max - 1).join('')}…`;
}

/** What Slack's own text format reserves. */
function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
