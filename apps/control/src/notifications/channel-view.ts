import type { NotificationChannelView } from '@conducktor/contracts';

/** What is read of a channel: never what is sealed. */
export const CHANNEL = {
  id: true,
  kind: true,
  name: true,
  host: true,
  events: true,
  showArguments: true,
  disabledAt: true,
  createdAt: true,
} as const;

interface Row {
  id: string;
  kind: string;
  name: string;
  host: string;
  events: string[];
  showArguments: boolean;
  disabledAt: Date | null;
  createdAt: Date;
}

export function channelView({ disabledAt, createdAt, ...row }: Row): NotificationChannelView {
  return {
    ...row,
    kind: row.kind as NotificationChannelView['kind'],
    events: row.events as NotificationChannelView['events'],
    enabled: disabledAt === null,
    createdAt: createdAt.toISOString(),
  };
}
