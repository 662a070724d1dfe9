import type { EventStore } from '@modelcontextprotocol/sdk/server/streamableHttp.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';

/** Keeps the events of one session in memory, so that a dropped stream can be resumed. */
export function memoryEventStore(): EventStore {
  const events: { id: string; streamId: string; message: JSONRPCMessage }[] = [];
  return {
    storeEvent: async (streamId, message) => {
      const id = `${streamId}_${events.length}`;
      events.push({ id, streamId, message });
      return id;
    },
    getStreamIdForEventId: async (id) => events.find((event) => event.id === id)?.streamId,
    replayEventsAfter: async (lastId, { send }) => {
      const at = events.findIndex((event) => event.id === lastId);
      if (at === -1) throw new Error(`Unknown event ${lastId}`);
      const { streamId } = events[at]!;
      for (const { id, message, streamId: stream } of events.slice(at + 1)) {
        // An event without content only carries its id.
        if (stream === streamId && Object.keys(message).length > 0) await send(id, message);
      }
      return streamId;
    },
  };
}
