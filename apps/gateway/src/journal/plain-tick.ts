import type { BoundCall } from '@conducktor/db';
import type { Batch, PendingIntent, PendingSettlement } from './batch.js';
import type { Intent, Settlement } from './types.js';

/** Of both, as of every function that takes a batch. */
export const PARAMETERS = 15;
const placeholders = Array.from({ length: PARAMETERS }, (_, i) => `$${i + 1}`).join(', ');

/** A tick of at most one intent and one outcome. */
export const SINGLE = { name: 'single_tick', sql: `select tick_single(${placeholders})` };
/** A tick of many, without idempotency keys, kept answers and late outcomes. */
export const PLAIN = { name: 'plain_tick', sql: `select tick_plain(${placeholders})` };

/** The execution of `tick_single` with these. */
export function singleTick(
  call: BoundCall,
  epoch: number,
  tick: number,
  intent: Intent | undefined,
  settlement: Settlement | undefined,
): Buffer {
  call.begin(SINGLE.name, PARAMETERS).int4(epoch).int8(tick);
  if (intent)
    call
      .text(intent.tenantId)
      .int8(intent.version)
      .text(intent.callId)
      .bool(intent.admitted)
      .int8(intent.reservedMicros)
      .timestamptz(intent.deadlineMs)
      .text(intent.record);
  else for (let column = 0; column < 7; column++) call.null();
  if (settlement)
    call
      .int8(settlement.key.tick)
      .int4(settlement.key.ordinal)
      .text(settlement.tenantId)
      .text(settlement.callId)
      .int8(cost(settlement))
      .text(settlement.record);
  else for (let column = 0; column < 6; column++) call.null();
  return call.end();
}

/** The execution of `tick_plain` with a batch. */
export function plainTick(call: BoundCall, epoch: number, tick: number, batch: Batch): Buffer {
  return writeBatch(call.begin(PLAIN.name, PARAMETERS), epoch, tick, batch).end();
}

/** Writes a batch as the first parameters of a function that was begun. */
export function writeBatch(call: BoundCall, epoch: number, tick: number, batch: Batch): BoundCall {
  const { intents, settlements } = batch;
  const intent = (write: (intent: Intent) => void) => (p: PendingIntent) => write(p.intent);
  const outcome = (write: (settlement: Settlement) => void) => (p: PendingSettlement) =>
    write(p.settlement);
  return call
    .int4(epoch)
    .int8(tick)
    .array(
      'text',
      intents,
      intent((i) => call.text(i.tenantId)),
    )
    .array(
      'int8',
      intents,
      intent((i) => call.int8(i.version)),
    )
    .array(
      'text',
      intents,
      intent((i) => call.text(i.callId)),
    )
    .array(
      'bool',
      intents,
      intent((i) => call.bool(i.admitted)),
    )
    .array(
      'int8',
      intents,
      intent((i) => call.int8(i.reservedMicros)),
    )
    .array(
      'timestamptz',
      intents,
      intent((i) => call.timestamptz(i.deadlineMs)),
    )
    .array(
      'text',
      intents,
      intent((i) => call.text(i.record)),
    )
    .array(
      'int8',
      settlements,
      outcome((s) => call.int8(s.key.tick)),
    )
    .array(
      'int4',
      settlements,
      outcome((s) => call.int4(s.key.ordinal)),
    )
    .array(
      'text',
      settlements,
      outcome((s) => call.text(s.tenantId)),
    )
    .array(
      'text',
      settlements,
      outcome((s) => call.text(s.callId)),
    )
    .array(
      'int8',
      settlements,
      outcome((s) => call.int8(cost(s))),
    )
    .array(
      'text',
      settlements,
      outcome((s) => call.text(s.record)),
    );
}

// `settle` has put in what its own running calls reserved.
const cost = ({ costMicros }: Settlement) => (costMicros === 'reserved' ? 0 : costMicros);
