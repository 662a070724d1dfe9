import type { OutgoingCall } from '../connector.js';
import { travellingMeta } from './versions.js';

/** `params` of tools/call as JSON text, the arguments being those that were decided on, byte for byte. */
export function callParams(
  call: OutgoingCall,
  id: number,
  fixedMeta: Readonly<Record<string, unknown>> | undefined,
): string {
  const head = `{"name":${JSON.stringify(call.name)},"arguments":${call.argumentsJson}`;
  const meta = metaText(call, id, fixedMeta);
  return meta === undefined ? `${head}}` : `${head},"_meta":${meta}}`;
}

const FIXED = new WeakMap<object, string>();

function metaText(
  call: OutgoingCall,
  id: number,
  fixed: Readonly<Record<string, unknown>> | undefined,
): string | undefined {
  if (call.meta === undefined && !call.wantsProgress) {
    if (!fixed) return undefined;
    let text = FIXED.get(fixed);
    if (text === undefined) FIXED.set(fixed, (text = JSON.stringify(fixed)));
    return text;
  }
  return JSON.stringify({
    ...travellingMeta(call.meta),
    ...fixed,
    ...(call.wantsProgress && { progressToken: id }),
  });
}
