import type { RefreshResult } from '@conducktor/contracts';
import {
  lockConnection,
  recordControlEvent,
  setConnectionServer,
  setConnectionStatus,
  type ControlEvent,
  type TenantTx,
} from '@conducktor/db';
import { stripInvisible } from '../invisible.js';
import { normaliseServer } from './normalise-server.js';
import { readTools, type ReadTools } from './read-tools.js';
import { storeTools } from './store-tools.js';

const MAX_REASON = 500;

/** A refresh whose tools were read: what is slow about taking it over, done outside a transaction. */
export interface ReadRefresh {
  refreshed: Omit<RefreshResult, 'tools'>;
  read: ReadTools;
}

export interface TakenOver {
  status: RefreshResult['status'];
  reason: string | undefined;
  /** Whether anything is different now from what was stored, and whether a tool is. */
  changed: boolean;
  toolsChanged: boolean;
}

export async function readRefresh({ tools, ...refreshed }: RefreshResult): Promise<ReadRefresh> {
  return { refreshed, read: await readTools(isAnswer(refreshed.status) ? tools : []) };
}

/**
 * Stores what a connection's server listed and said of itself, and records it under `event`, in the
 * caller's transaction. A service that did not answer keeps the tools it had: calls say what is
 * wrong. When nobody looks on (`attended: false`), nothing is recorded where nothing changed. What it
 * changed of tools waits for an admin: `storeTools`. Undefined: there is no such connection any more.
 */
export async function takeOver(
  tx: TenantTx,
  connectionId: string,
  { refreshed, read }: ReadRefresh,
  event: Pick<ControlEvent, 'action' | 'actor' | 'memberId' | 'clientId'>,
  { attended }: { attended: boolean },
): Promise<TakenOver | undefined> {
  // Two at once take over one after the other.
  const before = await lockConnection(tx, connectionId);
  if (!before) return undefined;
  const { slug } = before;
  const changes = isAnswer(refreshed.status)
    ? await storeTools(tx, { id: connectionId, slug }, read.tools, {
        // A list that the worker had to cut says nothing about what it lacks.
        complete: refreshed.status === 'ACTIVE',
        attended,
      })
    : undefined;
  const newServer =
    refreshed.server !== undefined &&
    (await setConnectionServer(tx, connectionId, normaliseServer(refreshed.server)));

  const words = [refreshed.reason, ...read.refusals].filter((each) => each !== undefined);
  const reason = stripInvisible(words.join(' ').slice(0, MAX_REASON)) || null;
  const status =
    refreshed.status === 'ACTIVE' && read.refusals.length > 0 ? 'DEGRADED' : refreshed.status;
  const newStatus = status !== before.status || reason !== before.statusReason;
  if (newStatus) await setConnectionStatus(tx, connectionId, status, reason);

  const toolsChanged =
    changes !== undefined && Object.values(changes).some((names) => names.length > 0);
  const changed = newServer || newStatus || toolsChanged;
  if (changed || attended) {
    await recordControlEvent(tx, {
      ...event,
      connection: slug,
      connectionId,
      status,
      ...(reason !== null && { reason }),
      ...changes,
      ...(newServer && { server: true }),
    });
  }
  return { status, reason: reason ?? undefined, changed, toolsChanged };
}

const isAnswer = (status: RefreshResult['status']): boolean =>
  status === 'ACTIVE' || status === 'DEGRADED';
