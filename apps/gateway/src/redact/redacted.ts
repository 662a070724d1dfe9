import type { AskNote } from '@conducktor/contracts';
import type { Logger } from '@conducktor/runtime';
import { FAILED_PAGE, type Page } from '../lists/read-page.js';
import type { ToolCallAnswer } from '../mcp/ports.js';
import { failureFor } from '../tool-call/answers.js';
import type { RecordedCall } from '../tool-call/types.js';
import {
  isForResults,
  redactAnswer,
  redactorOf,
  redactQuestion,
  type Redactions,
} from './redact-answer.js';

/** The answer as the policy lets it leave; withheld where it cannot be made so. Never throws. */
export function redacted(
  deps: { logger: Logger },
  call: RecordedCall,
  answer: ToolCallAnswer,
): ToolCallAnswer {
  try {
    return redactAnswer(call.decision?.redactions, answer);
  } catch (error) {
    deps.logger.error({ err: error, callId: call.callId }, 'An answer could not be redacted');
    const sentence = `What ${call.tool.connection.slug} answered is withheld, because it cannot be redacted as the policy of this workspace demands. The call was made.`;
    return failureFor(call.sent.method, 'result_withheld', sentence, call.callId);
  }
}

/** The questions of an upstream. One that cannot be redacted is a defect, and the request fails. */
export function redactAsks({ decision }: RecordedCall, asks: AskNote[]): AskNote[] {
  const redactions = decision?.redactions;
  if (!isForResults(redactions)) return asks;
  const redact = redactorOf(redactions);
  return asks.map((ask) => ({ ...ask, params: redactQuestion(redact, ask.params) }));
}

/** A page of an upstream's list. What its entries are asked for by stays, or nobody could ask for them. */
export function redactPage(redactions: Redactions, page: Page): Page {
  if (!isForResults(redactions)) return page;
  try {
    const redact = redactorOf(redactions);
    const items = page.items.map(({ id, definition }) => ({
      id,
      definition: redact(definition),
    }));
    return { ...page, items };
  } catch {
    return FAILED_PAGE;
  }
}
