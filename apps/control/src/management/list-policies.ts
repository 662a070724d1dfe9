import { LIST_POLICIES } from '@conducktor/contracts';
import { readers } from '../http/guards.js';
import { getPolicy, listPolicies as list } from '../policies/read-policies.js';
import { activeVersion } from '../policies/active-version.js';
import { ruleSentence } from '../policies/rule-sentence.js';
import { handler } from './handler.js';

export const listPolicies = handler(LIST_POLICIES, readers, async ({ control, caller }, input) => {
  const { version: wanted, ...page } = input;
  const active = await activeVersion(control, caller);
  const { items, nextCursor } = await list(control, caller, page);
  const version = wanted ?? active;
  const policy = version === null ? null : await getPolicy(control, caller, String(version));
  return {
    active,
    versions: items.map(({ version, active, createdAt }) => ({ version, active, createdAt })),
    nextCursor,
    shown: policy && {
      version: policy.version,
      default: policy.document.default,
      rules: policy.document.rules.map((rule) => ({
        id: rule.id,
        effect: rule.effect,
        sentence: ruleSentence(rule),
      })),
    },
  };
});
