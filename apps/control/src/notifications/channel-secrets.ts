import type { Vault } from '@conducktor/vault';

/** What a channel holds in secret: written through REST, opened where a message is sent. */
export interface ChannelSecrets {
  /** Of Slack, whoever knows it may write there. */
  url: string;
  /** Signs messages of a webhook. */
  secret?: string | undefined;
}

const place = (tenantId: string, channelId: string) =>
  `notification_channel/${tenantId}/${channelId}`;

/** The bytes of `notification_channel.sealed`. */
export async function sealChannel(
  vault: Vault,
  tenantId: string,
  channelId: string,
  secrets: ChannelSecrets,
): Promise<Uint8Array<ArrayBuffer>> {
  const text = JSON.stringify(secrets);
  return Uint8Array.from(await vault.sealForTenant(tenantId, place(tenantId, channelId), text));
}

/** Throws when the bytes were sealed for another channel or tenant, or under another key. */
export async function openChannel(
  vault: Vault,
  tenantId: string,
  channelId: string,
  sealed: Uint8Array,
): Promise<ChannelSecrets> {
  const opened = await vault.openForTenant(tenantId, place(tenantId, channelId), sealed);
  return JSON.parse(opened.toString('utf8')) as ChannelSecrets;
}
