import { expect, test } from 'vitest';
import { formsOf } from '../form-browser.js';

test('reads fields, presets and choices of a form', () => {
  const [form] = formsOf(
    `<form method="post" action="/consent/abc?x=1&amp;y=2">
       <input type="hidden" name="csrf" value="a&quot;b">
       <input type=radio name=workspace value=ten_1 checked><input type="radio" name="workspace" value="ten_2">
       <input type="checkbox" name="remember">
       <select name="zone"><option value="utc">UTC</option><option value="cet" selected>CET</option></select>
       <button name="decision" value="allow">Allow</button><button name="decision" value="deny">No</button>
     </form>`,
    'http://localhost:1/login',
  );
  expect(form?.action).toBe('http://localhost:1/consent/abc?x=1&y=2');
  expect(form?.method).toBe('post');
  expect(form?.fields).toEqual([
    ['csrf', 'a"b'],
    ['workspace', 'ten_1'],
    ['zone', 'cet'],
  ]);
  expect(form?.choices.get('decision')).toEqual(['allow', 'deny']);
  expect(form?.choices.get('workspace')).toEqual(['ten_1', 'ten_2']);
});
