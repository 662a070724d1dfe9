/** An allowance: `limit` calls per `windowMs`, all of which may come at once. */
export interface Allowance {
  limit: number;
  windowMs: number;
}

export type LimitProfile = readonly Allowance[];

export const isSame = (one: LimitProfile, other: LimitProfile): boolean =>
  one.length === other.length &&
  one.every(
    ({ limit, windowMs }, i) => limit === other[i]!.limit && windowMs === other[i]!.windowMs,
  );

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
 * Generic cell rate algorithm (ITU-T I.371) over several limits at once, in Redis, each of several
 * allowances. Takes up to so many tokens as are wanted of each limit, or, where one has none, none of any.
 * KEYS: one theoretical arrival time per allowance. ARGV, for each limit: wanted, how many allowances it
 * has, then limit and window (ms) of each.
 * Returns granted and ms until one token is free for each limit.
 */
export const GCRA_SCRIPT = `
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local limits, key, arg, refused = {}, 1, 1, false
while arg < #ARGV do
  local each = { granted = tonumber(ARGV[arg]), retry = 0 }
  for i = 1, tonumber(ARGV[arg + 1]) do
    local limit, window = tonumber(ARGV[arg + 2 * i]), tonumber(ARGV[arg + 2 * i + 1])
    local arrival = math.max(tonumber(redis.call('GET', KEYS[key]) or '0'), now)
    -- Further ahead than it can get: the clock was set back.
    if arrival > now + 2 * window then arrival = now end
    local room = window - (arrival - now)
    local free = math.floor(room * limit / window + 1e-6)
    if free < each.granted then each.granted = math.max(free, 0) end
    if free < 1 then
      each.retry = math.max(each.retry, window / limit - room)
      refused = true
    end
    each[i] = { key = KEYS[key], arrival = arrival, interval = window / limit, window = window }
    key = key + 1
  end
  limits[#limits + 1] = each
  arg = arg + 2 + 2 * #each
end
local answer = {}
for _, each in ipairs(limits) do
  if refused then each.granted = 0 end
  for _, at in ipairs(each) do
    if each.granted > 0 then
      redis.call('SET', at.key, string.format('%.3f', at.arrival + each.granted * at.interval), 'PX', math.ceil(2 * at.window))
    end
  end
  answer[#answer + 1] = each.granted
  answer[#answer + 1] = math.ceil(each.retry)
end
return answer
`;

/**
 * Tokens of one limit that were taken and not spent. KEYS as above; ARGV: how many, then limit and window
 * (ms) of each allowance.
 */
export const GIVE_BACK_SCRIPT = `
for i = 1, #KEYS do
  local limit, window = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local arrival = redis.call('GET', KEYS[i])
  if arrival then
    redis.call('SET', KEYS[i], string.format('%.3f', arrival - ARGV[1] * window / limit), 'PX', math.ceil(2 * window))
  end
end
`;

/** The same in this process, for when Redis is away. */
export class LocalGcra {
  private arrivals: number[] = [];

  /** 0 when a token was taken, otherwise milliseconds until one is free. */
  take(profile: LimitProfile, now: number): number {
    const wait = this.waitOf(profile, now);
    if (wait === 0) this.spend(profile, now);
    return wait;
  }

  /** Milliseconds until a token is free; 0: now. */
  waitOf(profile: LimitProfile, now: number): number {
    let wait = 0;
    profile.forEach(({ limit, windowMs }, index) => {
      const arrival = Math.max(this.arrivals[index] ?? 0, now);
      const room = windowMs - (arrival - now);
      if (room * limit < windowMs) wait = Math.max(wait, windowMs / limit - room);
    });
    return Math.ceil(wait);
  }

  /** Takes a token that is free. */
  spend(profile: LimitProfile, now: number): void {
    profile.forEach(({ limit, windowMs }, index) => {
      this.arrivals[index] = Math.max(this.arrivals[index] ?? 0, now) + windowMs / limit;
    });
  }
}
