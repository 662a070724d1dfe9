import { CREATE_POLICY } from '@conducktor/contracts';
import { writers } from '../http/guards.js';
import { draftWithRule } from '../policies/draft-with-rule.js';
import { ruleSentence } from '../policies/rule-sentence.js';
import { handler } from './handler.js';

/** A draft: whoever talks a model into calling this has changed nothing yet. */
export const createPolicy = handler(
  CREATE_POLICY,
  writers,
  async ({ control, caller }, { rule: wanted }) => {
    const { version, basedOn, rule, diff } = await draftWithRule(control, caller, wanted);
    const url = `${control.publicUrl}/api/v1/policies/${version}/activate`;
    return {
      version,
      basedOn,
      summary: ruleSentence(rule),
      diff,
      activate: { method: 'POST' as const, url },
      next: `Version ${version} is a draft and decides nothing yet. An owner or admin reads it and activates it: POST ${url}.`,
    };
  },
);
