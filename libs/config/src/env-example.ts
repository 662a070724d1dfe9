import type { z } from 'zod';
import { ENV_SCHEMAS } from './schemas.js';

/** The text of `.env.example`: every variable once, with its meaning, its default and who reads it. */
export function envExample(): string {
  const readers = new Map<string, { field: z.ZodType; services: string[] }>();
  for (const [service, schema] of Object.entries(ENV_SCHEMAS)) {
    for (const [name, field] of Object.entries(schema.shape)) {
      const entry = readers.get(name) ?? { field: field as z.ZodType, services: [] };
      entry.services.push(service);
      readers.set(name, entry);
    }
  }
  const lines = ['# Made from libs/config/src/schemas.ts. "npm start" needs none of these.'];
  for (const [name, { field, services }] of readers) {
    const who =
      services.length === Object.keys(ENV_SCHEMAS).length ? 'all services' : services.join(', ');
    lines.push('', `# ${field.description ?? ''} (${who}).`);
    lines.push(`${isRequired(field) ? '' : '# '}${name}=${defaultOf(field)}`);
  }
  return `${lines.join('\n')}\n`;
}

function isRequired(field: z.ZodType): boolean {
  return !field.safeParse(undefined).success;
}

function defaultOf(field: z.ZodType): string {
  const parsed = field.safeParse(undefined);
  if (!parsed.success || parsed.data === undefined) return '';
  return Array.isArray(parsed.data) ? parsed.data.join(',') : String(parsed.data);
}
