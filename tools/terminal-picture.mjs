// Turns terminal text into a picture for the README: `npm start … | node tools/terminal-picture.mjs > docs/start.svg`.
// Only what a reader needs to see is kept: from the first step to the table of calls.
import { readFileSync } from 'node:fs';

const FONT = 12;
const WIDTH = 7.23;
const LINE = 17;
const PAD = 20;
const COLOURS = { ok: '#7ee787', refused: '#ffa657', quiet: '#8b949e', text: '#e6edf3' };

const lines = shown(readFileSync(0, 'utf8').split('\n'));
const columns = Math.max(...lines.map((line) => line.length));
const [width, height] = [
  Math.ceil(columns * WIDTH + PAD * 2),
  lines.length * LINE + PAD * 2 + LINE,
];
const rows = lines.map(
  (line, i) =>
    `<text x="${PAD}" y="${PAD + LINE * (i + 2)}" fill="${colourOf(line)}">${escape(line)}</text>`,
);
process.stdout
  .write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The output of npm start">
<style>text{font:${FONT}px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;white-space:pre}</style>
<rect width="100%" height="100%" rx="10" fill="#0d1117"/>
<circle cx="${PAD}" cy="${PAD}" r="5" fill="#ff5f56"/><circle cx="${PAD + 18}" cy="${PAD}" r="5" fill="#ffbd2e"/><circle cx="${PAD + 36}" cy="${PAD}" r="5" fill="#27c93f"/>
${rows.join('\n')}
</svg>
`);

function shown(all) {
  const from = all.findIndex((line) => line.startsWith('✓'));
  const to = all.findIndex((line) => line.startsWith('How to connect'));
  return [
    '$ npm start',
    '',
    ...all
      .slice(from, to < 0 ? undefined : to)
      .filter((line) => !line.startsWith('…'))
      // Nobody's key belongs in a picture.
      .map((line) => line.replace(/(password|key) \S+/g, '$1 …').trimEnd()),
  ];
}

function colourOf(line) {
  if (/✓ ok|^✓|^\$/.test(line)) return COLOURS.ok;
  if (/policy_denied|invalid_|unknown_tool|upstream error {2}/.test(line)) return COLOURS.refused;
  if (/^\s*[─\s]+$|^ {2}(exchange|who) /.test(line)) return COLOURS.quiet;
  return COLOURS.text;
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
