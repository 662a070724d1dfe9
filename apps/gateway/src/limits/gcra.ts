/** An allowance: `limit` calls per `windowMs`, all of which may come at once. */
export interface Allowance {
  limit: number;
  windowMs: number;
}

export type LimitProfile = readonly Allowance[];

/** The workspace profiles of CONTRACT.md; `host` follows RATE_LIMIT_PER_MINUTE. */
export function limitProfiles(
  ratePerMinute: number,
): Record<'standard' | 'burst' | 'host', LimitProfile> {
  return {
    standard: [
      { limit: 60, windowMs: 60_000 },
      { limit: 1_000, windowMs: 3_600_000 },
    ],
    burst: [{ limit: 30, windowMs: 10_000 }],
    host: [{ limit: ratePerMinute, windowMs: 60_000 }],
  };
}

/**
 * Generic cell rate algorithm (ITU-T I.371) over several allowances at once, in Redis. Takes up to
 * ARGV[1] tokens from all of them or none.
 * KEYS: one theoretical arrival time per allowance. ARGV: wanted, then limit and window (ms) of each.
 * Returns {granted, ms until one token is free}.
 */
export const GCRA_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local granted = tonumber(ARGV[1])
local retry = 0
local arrivals = {}
for i = 1, #KEYS do
  local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local arrival = math.max(tonumber(redis.call('GET', KEYS[i]) or '0'), now)
  -- Further ahead than it can get: the clock was set back.
  if arrival > now + 2 * window then arrival = now end
  local room = window - (arrival - now)
  local free = math.floor(room * limit / window + 1e-6)
  if free < granted then granted = math.max(free, 0) end
  if free < 1 then retry = math.max(retry, window / limit - room) end
  arrivals[i] = arrival
end
if granted > 0 then
  for i = 1, #KEYS do
    local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
    redis.call('SET', KEYS[i], string.format('%.3f', arrivals[i] + granted * window / limit), 'PX', math.ceil(2 * window))
  end
end
return {granted, math.ceil(retry)}
`;

/** The same in this process, for when Redis is away. */
export class LocalGcra {
  private arrivals: number[] = [];

  /** 0 when a token was taken, otherwise milliseconds until one is free. */
  take(profile: LimitProfile, now: number): number {
    let wait = 0;
    profile.forEach(({ limit, windowMs }, index) => {
      const arrival = Math.max(this.arrivals[index] ?? 0, now);
      const room = windowMs - (arrival - now);
      if (room * limit < windowMs) wait = Math.max(wait, windowMs / limit - room);
    });
    if (wait > 0) return Math.ceil(wait);
    profile.forEach(({ limit, windowMs }, index) => {
      this.arrivals[index] = Math.max(this.arrivals[index] ?? 0, now) + windowMs / limit;
    });
    return 0;
  }
}
