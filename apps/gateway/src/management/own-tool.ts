import { hash } from 'node:crypto';
import { canonicalJson } from '@conducktor/catalog';
import { managementSchemas, type ManagementTool, type Role } from '@conducktor/contracts';
import type { Tool } from '../workspace/types.js';
import { MANAGEMENT } from './connection.js';

/** A tool of Conducktor's own: a tool as any other, for some roles only. */
export interface OwnTool extends Tool {
  /** Any of them; null: every member. */
  roles: readonly Role[] | null;
  /** Why these arguments are not taken, where their schema would say it worse. */
  refuses: ((args: Readonly<Record<string, unknown>>) => string | undefined) | undefined;
}

interface Words {
  title: string;
  description: string;
  /** Calling it again with the same arguments changes nothing more. */
  idempotent: boolean;
  refuses?: OwnTool['refuses'];
}

/** The tool as `tools/list` presents it and calls are decided on it. */
export function ownTool(tool: ManagementTool, words: Words): OwnTool {
  const { title, description, idempotent, refuses } = words;
  const definition = {
    name: tool.name,
    title,
    description,
    ...managementSchemas(tool),
    // `presentTool` sets the hints that follow from the class. Nothing outside is reached.
    annotations: { title, idempotentHint: idempotent, openWorldHint: false },
  };
  return {
    id: tool.name,
    shownName: tool.name,
    upstreamName: tool.name,
    connection: MANAGEMENT,
    class: tool.class,
    labels: [],
    definition,
    definitionHash: hash('sha256', canonicalJson(definition), 'hex'),
    roles: tool.roles,
    refuses,
  };
}
